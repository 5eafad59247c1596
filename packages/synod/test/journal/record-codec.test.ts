import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MalformedError, Reader } from '../../src/bytes/reader.js'
import { Writer } from '../../src/bytes/writer.js'
import {
  type StoredRecord,
  faultOf,
  readRecord,
  sizeBoundBytes,
  writeRecord,
} from '../../src/journal/record-codec.js'
import type { JournalRecord } from '../../src/paxos/records.js'
import { anyRecord, plain } from './harness.js'

function encode(record: StoredRecord): Buffer {
  const writer = new Writer()
  writeRecord(writer, record)
  return writer.take()
}

test('every record is decoded as it was encoded, within the announced size', () => {
  fc.assert(
    fc.property(anyRecord, (record) => {
      const bytes = encode(record)
      const reader = new Reader(bytes)
      expect(plain([readRecord(reader) as JournalRecord])).toEqual(plain([record]))
      reader.end()
      expect(bytes.length).toBeLessThanOrEqual(sizeBoundBytes(record))
    }),
  )
})

test('positions are decoded as they were encoded', () => {
  const record: StoredRecord = {
    type: 'group-counts',
    heard: [
      { acceptor: '00'.repeat(16), groupCount: 0 },
      { acceptor: 'fe'.repeat(16), groupCount: Number.MAX_SAFE_INTEGER },
    ],
  }
  const reader = new Reader(encode(record))
  expect(readRecord(reader)).toEqual(record)
  reader.end()
})

test('a record that is cut short is malformed', () => {
  fc.assert(
    fc.property(anyRecord, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (record, share) => {
      const bytes = encode(record)
      const cut = bytes.subarray(0, Math.floor(bytes.length * share))
      expect(() => readRecord(new Reader(cut))).toThrow(MalformedError)
    }),
  )
})

test('arbitrary bytes decode to a record or are malformed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5 }), fc.uint8Array({ maxLength: 40 }), (tag, rest) => {
      try {
        expect(faultOf(readRecord(new Reader(Buffer.from([tag, ...rest]))))).toBe(null)
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedError)
      }
    }),
  )
})

const ballot = { seq: 1, server: 1 }
const impossible: readonly (readonly [string, StoredRecord])[] = [
  ['a promise for slot 0', { type: 'promise', scope: 'slot', slot: 0, ballot }],
  ['a promise for the log and a slot', { type: 'promise', scope: 'log', slot: 3, ballot }],
  ['a vote in slot 0', { type: 'vote', ballot, first: 0, values: [new Uint8Array(1)] }],
  ['a vote for nothing', { type: 'vote', ballot, first: 1, values: [] }],
  ['chosen in slot 0', { type: 'chosen', first: 0, last: 1 }],
  ['chosen backwards', { type: 'chosen', first: 2, last: 1 }],
  ['decided in slot 0', { type: 'decided', first: 0, values: [new Uint8Array(1)] }],
  [
    'decided beyond the last slot',
    { type: 'decided', first: Number.MAX_SAFE_INTEGER, values: [new Uint8Array(0), new Uint8Array(0)] },
  ],
]

test.each(impossible)('an invalid record is malformed: %s', (_, record) => {
  expect(() => readRecord(new Reader(encode(record)))).toThrow(MalformedError)
  expect(faultOf(record)).not.toBe(null)
})

test.each([
  ['kind', [9]],
  ['scope', [1, 2, 0, 1, 1]],
])('an unknown %s is malformed', (_, bytes) => {
  expect(() => readRecord(new Reader(Buffer.from(bytes)))).toThrow(/unknown/)
})
