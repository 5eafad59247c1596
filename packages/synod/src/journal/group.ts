import { crc32 } from '../bytes/checksum.js'
import { Reader } from '../bytes/reader.js'
import { Writer } from '../bytes/writer.js'
import type { AcceptorId } from './identity.js'
import { type StoredRecord, readRecord, writeRecord } from './record-codec.js'

// Where the fields of a group begin. The checksum is over all that follows it.
const MARKER = 0
const CHECKSUM = 4
const LENGTH = 8
const SEQUENCE = 12
const RECORDS = 20

const EMPTY_HEAD = Buffer.alloc(RECORDS)

/** A group as found in a segment: what one fsync made durable. */
export interface Group {
  /** Groups are numbered from 1 on over the whole journal, without gaps. */
  readonly sequence: number
  /** Where the group begins in its segment. */
  readonly offset: number
  readonly sizeBytes: number
  /** The encoded records: a view of the segment. */
  readonly payload: Buffer
}

/**
 * What a group begins with: the first four bytes of the acceptor's id. They differ from journal to
 * journal, so that neither a piece of another journal nor a value made to look like a group can
 * pass for one.
 */
export function groupMarker(acceptor: AcceptorId): number {
  return Buffer.from(acceptor.slice(0, 8), 'hex').readUInt32LE()
}

/** A buffer that has grown beyond this is let go once its group is written. */
const KEPT_BYTES = 1 << 20

/**
 * Encodes records one after the other as they come, into the group to be written next. There are
 * two buffers: one is filled while the other is written.
 */
export class GroupWriter {
  readonly #marker: number
  #writer = new Writer()
  #written = new Writer()

  constructor(marker: number) {
    this.#marker = marker
  }

  /** What the group would take if it were sealed now; 0 when it holds no record. */
  get sizeBytes(): number {
    return this.#writer.length
  }

  add(record: StoredRecord): void {
    if (this.#writer.length === 0) this.#writer.raw(EMPTY_HEAD)
    writeRecord(this.#writer, record)
  }

  /** The finished group, valid until the next `seal`. The next record begins another one. */
  seal(sequence: number): Buffer {
    const group = this.#writer.view()
    this.#written.reset(KEPT_BYTES)
    const filled = this.#writer
    this.#writer = this.#written
    this.#written = filled
    group.writeUInt32LE(this.#marker, MARKER)
    group.writeUInt32LE(group.length - RECORDS, LENGTH)
    group.writeDoubleLE(sequence, SEQUENCE)
    group.writeUInt32LE(crc32(group, LENGTH), CHECKSUM)
    return group
  }
}

/** The group that begins at `offset`, or null if none does, or not a whole one. */
export function readGroup(segment: Buffer, offset: number, marker: number): Group | null {
  if (segment.length - offset <= RECORDS) return null
  if (segment.readUInt32LE(offset + MARKER) !== marker) return null
  const length = segment.readUInt32LE(offset + LENGTH)
  const payload = offset + RECORDS
  if (length === 0 || length > segment.length - payload) return null
  const end = payload + length
  if (crc32(segment, offset + LENGTH, end) !== segment.readUInt32LE(offset + CHECKSUM)) return null
  return {
    sequence: segment.readDoubleLE(offset + SEQUENCE),
    offset,
    sizeBytes: end - offset,
    payload: segment.subarray(payload, end),
  }
}

/**
 * The first group that begins at `from` or anywhere after it and has at least the given sequence,
 * or null.
 */
export function findGroup(segment: Buffer, from: number, marker: number, minSequence: number): Group | null {
  const pattern = Buffer.alloc(4)
  pattern.writeUInt32LE(marker)
  for (let at = segment.indexOf(pattern, from); at >= 0; at = segment.indexOf(pattern, at + 1)) {
    const group = readGroup(segment, at, marker)
    if (group !== null && group.sequence >= minSequence) return group
  }
  return null
}

/** Throws a MalformedError. */
export function readRecords(payload: Buffer): StoredRecord[] {
  const reader = new Reader(payload)
  const records: StoredRecord[] = []
  while (reader.remaining > 0) records.push(readRecord(reader))
  return records
}
