import { MalformedError, type Reader } from 'synod/internal/bytes/reader.js'
import type { Writer } from 'synod/internal/bytes/writer.js'
import { MAX_INTEGER_DIGITS, MAX_TXN_OPERATIONS } from '../operations/limits.js'
import type {
  Compare,
  CompareResult,
  CompareTarget,
  Operation,
  Range,
  SortTarget,
  Transaction,
} from '../operations/operations.js'
import {
  readInteger,
  readKey,
  readLease,
  readList,
  readName,
  readOptional,
  readRange,
  writeInteger,
  writeKey,
  writeLease,
  writeList,
  writeName,
  writeOptional,
  writeRange,
  writeWhole,
} from './fields.js'

// The numbers of these stand in the log: the lists only ever grow.
export const OPERATION_TYPES = ['put', 'delete', 'increment', 'range', 'txn'] as const
const SORT_TARGETS = ['key', 'version', 'create', 'mod', 'value'] as const satisfies readonly SortTarget[]
const COMPARE_TARGETS = [
  'version',
  'create',
  'mod',
  'value',
  'lease',
] as const satisfies readonly CompareTarget[]
const COMPARE_RESULTS = ['equal', 'greater', 'less', 'not-equal'] as const satisfies readonly CompareResult[]

/** The kind of the operation is written already. */
export function writeOperation(writer: Writer, operation: Operation): void {
  switch (operation.type) {
    case 'put':
      writeKey(writer, operation.key)
      writer.boolean(operation.previous)
      writeOptional(writer, operation.lease, (lease) => {
        writeLease(writer, lease)
      })
      writeOptional(writer, operation.value, (value) => {
        writer.bytes(value)
      })
      return
    case 'delete':
      writeRange(writer, operation)
      writer.boolean(operation.previous)
      return
    case 'increment':
      writeKey(writer, operation.key)
      writeInteger(writer, operation.by)
      return
    case 'range':
      writeRangeRead(writer, operation)
      return
    case 'txn':
      writeTransaction(writer, operation)
  }
}

/** `depth` counts the transactions around it. */
export function readOperation(reader: Reader, type: Operation['type'], depth = 0): Operation {
  switch (type) {
    case 'put': {
      const key = readKey(reader)
      const previous = reader.boolean()
      const lease = readOptional(reader, () => readLease(reader), null)
      const value = readOptional(reader, () => reader.bytes(), null)
      return { type, key, value, lease, previous }
    }
    case 'delete':
      return { type, ...readRange(reader), previous: reader.boolean() }
    case 'increment':
      return { type, key: readKey(reader), by: readInteger(reader, MAX_INTEGER_DIGITS) }
    case 'range':
      return readRangeRead(reader)
    case 'txn':
      return readTransaction(reader, depth)
  }
}

function writeRangeRead(writer: Writer, range: Range): void {
  writeRange(writer, range)
  writeWhole(writer, 'revision', range.revision)
  writeWhole(writer, 'limit', range.limit)
  writeName(writer, SORT_TARGETS, range.sortBy)
  writer.boolean(range.descending)
  writer.boolean(range.keysOnly)
  writer.boolean(range.countOnly)
  writeWhole(writer, 'minModRevision', range.minModRevision)
  writeWhole(writer, 'maxModRevision', range.maxModRevision)
  writeWhole(writer, 'minCreateRevision', range.minCreateRevision)
  writeWhole(writer, 'maxCreateRevision', range.maxCreateRevision)
}

function readRangeRead(reader: Reader): Range {
  return {
    type: 'range',
    ...readRange(reader),
    revision: reader.varint(),
    limit: reader.varint(),
    sortBy: readName(reader, SORT_TARGETS),
    descending: reader.boolean(),
    keysOnly: reader.boolean(),
    countOnly: reader.boolean(),
    minModRevision: reader.varint(),
    maxModRevision: reader.varint(),
    minCreateRevision: reader.varint(),
    maxCreateRevision: reader.varint(),
  }
}

function writeTransaction(writer: Writer, { compares, failure, success }: Transaction): void {
  writeList(writer, compares, (compare) => {
    writeCompare(writer, compare)
  })
  for (const branch of [success, failure])
    writeList(writer, branch, (operation) => {
      writeName(writer, OPERATION_TYPES, operation.type)
      writeOperation(writer, operation)
    })
}

function readTransaction(reader: Reader, depth: number): Transaction {
  // Each level takes one of the operations that there may be.
  if (depth > MAX_TXN_OPERATIONS) throw new MalformedError('transactions nested too deeply')
  const compares = readList(reader, () => readCompare(reader))
  const readBranch = () =>
    readList(reader, () => readOperation(reader, readName(reader, OPERATION_TYPES), depth + 1))
  return { type: 'txn', compares, success: readBranch(), failure: readBranch() }
}

function writeCompare(writer: Writer, compare: Compare): void {
  writeRange(writer, compare)
  writeName(writer, COMPARE_RESULTS, compare.result)
  writeName(writer, COMPARE_TARGETS, compare.target)
  if (compare.target === 'value') writer.bytes(compare.operand)
  else if (compare.target === 'lease') writeLease(writer, compare.operand)
  else writer.f64(compare.operand)
}

function readCompare(reader: Reader): Compare {
  const range = readRange(reader)
  const result = readName(reader, COMPARE_RESULTS)
  const target = readName(reader, COMPARE_TARGETS)
  if (target === 'value') return { ...range, result, target, operand: reader.bytes() }
  if (target === 'lease') return { ...range, result, target, operand: readLease(reader) }
  return { ...range, result, target, operand: reader.f64() }
}
