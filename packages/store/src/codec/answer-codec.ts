import type { Codec } from 'synod'
import { Reader } from 'synod/internal/bytes/reader.js'
import { Writer } from 'synod/internal/bytes/writer.js'
import type { Answer } from '../operations/operations.js'
import {
  readKey,
  readKeyValue,
  readLease,
  readList,
  readName,
  readOptional,
  writeKey,
  writeKeyValue,
  writeLease,
  writeList,
  writeName,
  writeOptional,
} from './fields.js'
import { readOperationResult, readRefusal, writeOperationResult, writeRefusal } from './result-codec.js'

const ANSWER_TYPES = ['range', 'txn', 'lease', 'leases', 'status', 'refused', 'watch'] as const

const EVENT_TYPES = ['put', 'delete'] as const

const ANSWER_BYTES = 256

/** Answers: the number of the type, the revision, and the fields of the type. */
export const answerCodec: Codec<Answer> = {
  encode(answer) {
    const writer = new Writer(ANSWER_BYTES)
    writeName(writer, ANSWER_TYPES, answer.type)
    writer.varint(answer.revision)
    switch (answer.type) {
      case 'range':
      case 'txn':
        writeOperationResult(writer, answer)
        break
      case 'lease':
        writeLease(writer, answer.lease)
        writer.varint(answer.ttlSeconds)
        // -1 for a lease that is not there.
        writer.varint(answer.leftSeconds + 1)
        writeList(writer, answer.keys, (key) => {
          writeKey(writer, key)
        })
        break
      case 'leases':
        writeList(writer, answer.leases, (lease) => {
          writeLease(writer, lease)
        })
        break
      case 'status':
        for (const field of NUMBERS) writer.varint(answer[field])
        writer.boolean(answer.isFull)
        writer.boolean(answer.needsTicks)
        break
      case 'refused':
        writeRefusal(writer, answer.reason)
        break
      case 'watch':
        writeList(writer, answer.events, ({ kv, previous, type }) => {
          writeName(writer, EVENT_TYPES, type)
          writeKeyValue(writer, kv)
          writeOptional(writer, previous, (pair) => {
            writeKeyValue(writer, pair)
          })
        })
        writer.varint(answer.startRevision)
        writer.varint(answer.skip)
    }
    return writer.view()
  },

  decode(bytes) {
    const reader = new Reader(bytes)
    const type = readName(reader, ANSWER_TYPES)
    const revision = reader.varint()
    const answer = { ...readAnswer(reader, type), revision } as Answer
    reader.end()
    return answer
  },
}

/** Of a status, in the order in which they are written. */
const NUMBERS = ['compacted', 'keys', 'leases', 'bytes', 'quotaBytes'] as const

function readAnswer(reader: Reader, type: Answer['type']): object {
  switch (type) {
    case 'range':
    case 'txn':
      return readOperationResult(reader, type)
    case 'lease': {
      const [lease, ttlSeconds, left] = [readLease(reader), reader.varint(), reader.varint()]
      return { type, lease, ttlSeconds, leftSeconds: left - 1, keys: readList(reader, () => readKey(reader)) }
    }
    case 'leases':
      return { type, leases: readList(reader, () => readLease(reader)) }
    case 'status': {
      const numbers = Object.fromEntries(NUMBERS.map((field) => [field, reader.varint()]))
      return { type, ...numbers, isFull: reader.boolean(), needsTicks: reader.boolean() }
    }
    case 'refused':
      return { type, reason: readRefusal(reader) }
    case 'watch': {
      const readEvent = () => ({
        type: readName(reader, EVENT_TYPES),
        kv: readKeyValue(reader),
        previous: readOptional(reader, () => readKeyValue(reader), undefined),
      })
      const events = readList(reader, readEvent)
      return { type, events, startRevision: reader.varint(), skip: reader.varint() }
    }
  }
}
