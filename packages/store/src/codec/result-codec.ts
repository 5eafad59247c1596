import type { Codec } from 'synod'
import { MalformedError, Reader } from 'synod/internal/bytes/reader.js'
import { Writer } from 'synod/internal/bytes/writer.js'
import { MAX_INTEGER_DIGITS, MAX_TXN_OPERATIONS } from '../operations/limits.js'
import type { OperationResult, Refused, Result } from '../operations/operations.js'
import {
  readInteger,
  readKeyValue,
  readList,
  readName,
  readOptional,
  writeInteger,
  writeKeyValue,
  writeList,
  writeName,
  writeOptional,
} from './fields.js'
import { OPERATION_TYPES } from './operation-codec.js'

// The numbers of these stand in snapshots, with the results of sessions: the lists only ever grow.
const RESULT_TYPES = [
  ...OPERATION_TYPES,
  'compact',
  'grant',
  'revoke',
  'keep-alive',
  'tick',
  'quota',
  'refused',
] as const
const REFUSALS = [
  'compacted',
  'future-revision',
  'key-not-found',
  'empty-key',
  'key-too-long',
  'duplicate-key',
  'too-many-operations',
  'too-large',
  'not-an-integer',
  'out-of-range',
  'lease-not-found',
  'lease-exists',
  'invalid-lease',
  'invalid-ttl',
  'invalid-quota',
  'no-space',
  'writes',
] as const satisfies readonly Refused[]

const RESULT_BYTES = 64

/** Results: the number of the type, the revision, and the fields of the type. */
export const resultCodec: Codec<Result> = {
  encode(result) {
    const writer = new Writer(RESULT_BYTES)
    writeName(writer, RESULT_TYPES, result.type)
    writer.varint(result.revision)
    switch (result.type) {
      case 'compact':
      case 'revoke':
      case 'tick':
      case 'quota':
        break
      case 'grant':
        writer.varint(result.ttlSeconds)
        break
      case 'keep-alive':
        writeList(writer, result.ttlSeconds, (seconds) => {
          writer.varint(seconds)
        })
        break
      case 'refused':
        writeRefusal(writer, result.reason)
        break
      case 'put':
      case 'delete':
      case 'increment':
      case 'range':
      case 'txn':
        writeOperationResult(writer, result)
    }
    return writer.view()
  },

  decode(bytes) {
    const reader = new Reader(bytes)
    const type = readName(reader, RESULT_TYPES)
    const revision = reader.varint()
    const result = { ...readResult(reader, type), revision } as Result
    reader.end()
    return result
  },
}

function readResult(reader: Reader, type: Result['type']): Omit<Result, 'revision'> {
  switch (type) {
    case 'compact':
    case 'revoke':
    case 'tick':
    case 'quota':
      return { type }
    case 'grant':
      return { type, ttlSeconds: reader.varint() } as Omit<Result, 'revision'>
    case 'keep-alive':
      return { type, ttlSeconds: readList(reader, () => reader.varint()) } as Omit<Result, 'revision'>
    case 'refused':
      return { type, reason: readRefusal(reader) } as Omit<Result, 'revision'>
    case 'put':
    case 'delete':
    case 'increment':
    case 'range':
    case 'txn':
      return readOperationResult(reader, type)
  }
}

export function writeRefusal(writer: Writer, reason: Refused): void {
  writeName(writer, REFUSALS, reason)
}

export function readRefusal(reader: Reader): Refused {
  return readName(reader, REFUSALS)
}

/** The type of the result is written already. */
export function writeOperationResult(writer: Writer, result: OperationResult): void {
  const writePair = (pair: Parameters<typeof writeKeyValue>[1]) => {
    writeKeyValue(writer, pair)
  }
  switch (result.type) {
    case 'put':
      writeOptional(writer, result.previous, writePair)
      return
    case 'delete':
      writer.varint(result.deleted)
      writeList(writer, result.previous, writePair)
      return
    case 'increment':
      writeInteger(writer, result.value)
      return
    case 'range':
      writeList(writer, result.pairs, writePair)
      writer.varint(result.count)
      writer.boolean(result.more)
      return
    case 'txn':
      writer.boolean(result.succeeded)
      writeList(writer, result.results, (each) => {
        writeName(writer, OPERATION_TYPES, each.type)
        writeOperationResult(writer, each)
      })
  }
}

/** `depth` counts the transactions around it. */
export function readOperationResult(
  reader: Reader,
  type: OperationResult['type'],
  depth = 0,
): OperationResult {
  const readPair = () => readKeyValue(reader)
  switch (type) {
    case 'put':
      return { type, previous: readOptional(reader, readPair, undefined) }
    case 'delete':
      return { type, deleted: reader.varint(), previous: readList(reader, readPair) }
    case 'increment':
      return { type, value: readInteger(reader, MAX_INTEGER_DIGITS) }
    case 'range':
      return { type, pairs: readList(reader, readPair), count: reader.varint(), more: reader.boolean() }
    case 'txn': {
      if (depth > MAX_TXN_OPERATIONS) throw new MalformedError('results nested too deeply')
      const succeeded = reader.boolean()
      const results = readList(reader, () =>
        readOperationResult(reader, readName(reader, OPERATION_TYPES), depth + 1),
      )
      return { type, succeeded, results }
    }
  }
}
