import { readAcceptor, writeAcceptor } from '../bytes/acceptor.js'
import { readBallot, readValues, writeBallot, writeValues } from '../bytes/paxos.js'
import { MalformedError } from '../bytes/reader.js'
import type { Reader } from '../bytes/reader.js'
import type { Writer } from '../bytes/writer.js'
import type { Ballot, Slot } from '../paxos/ballot.js'
import type { JournalRecord } from '../paxos/records.js'
import type { Value } from '../paxos/value.js'

const PROMISE = 1
const VOTE = 2
const CHOSEN = 3
const DECIDED = 4
const TRIM = 5
const GROUP_COUNTS = 6

/** The last group that an acceptor has made durable, counted since it was made. */
export interface AcceptorGroupCount {
  /** An AcceptorId. */
  readonly acceptor: string
  readonly groupCount: number
}

/** How far the journals of other acceptors had come, as this server had heard. */
export interface GroupCountsRecord {
  readonly type: 'group-counts'
  readonly heard: readonly AcceptorGroupCount[]
}

/** What groups hold: what the core writes, and what the journal adds. */
export type StoredRecord = JournalRecord | GroupCountsRecord

const SCOPE_SLOT = 0
const SCOPE_LOG = 1

/**
 * The most bytes that anything but the values of a record takes, and that is needed to delimit a
 * value.
 */
const FIXED_BYTES = 64
const DELIMITER_BYTES = 8

export function writeRecord(writer: Writer, record: StoredRecord): void {
  switch (record.type) {
    case 'promise':
      writer.u8(PROMISE)
      writer.u8(record.scope === 'log' ? SCOPE_LOG : SCOPE_SLOT)
      writer.varint(record.slot)
      writeBallot(writer, record.ballot)
      return
    case 'vote':
      writer.u8(VOTE)
      writeBallot(writer, record.ballot)
      writer.varint(record.first)
      writeValues(writer, record.values)
      return
    case 'chosen':
      writer.u8(CHOSEN)
      writer.varint(record.first)
      writer.varint(record.last)
      return
    case 'decided':
      writer.u8(DECIDED)
      writer.varint(record.first)
      writeValues(writer, record.values)
      return
    case 'trim':
      writer.u8(TRIM)
      writer.varint(record.slot)
      writeBallot(writer, record.promised)
      writeBallot(writer, record.voted)
      return
    case 'group-counts':
      writer.u8(GROUP_COUNTS)
      writer.varint(record.heard.length)
      for (const { acceptor, groupCount } of record.heard) {
        writeAcceptor(writer, acceptor)
        writer.varint(groupCount)
      }
  }
}

/** The next record; its values are views of the reader's bytes. Throws a MalformedError. */
export function readRecord(reader: Reader): StoredRecord {
  const record = readFields(reader)
  const fault = faultOf(record)
  if (fault !== null) throw new MalformedError(fault)
  return record
}

/**
 * What makes a record one that cannot be, or null. What is written must pass as well as what is
 * read.
 */
export function faultOf(record: StoredRecord): string | null {
  switch (record.type) {
    case 'promise':
      if (record.scope === 'log' ? record.slot !== 0 : !isSlot(record.slot)) {
        return `a promise of scope ${record.scope} for slot ${record.slot}`
      }
      return faultOfBallot(record.ballot)
    case 'vote':
      return faultOfValues(record.first, record.values) ?? faultOfBallot(record.ballot)
    case 'chosen':
      if (isSlot(record.first) && isSlot(record.last) && record.first <= record.last) return null
      return `chosen slots ${record.first} to ${record.last}`
    case 'decided':
      return faultOfValues(record.first, record.values)
    case 'trim':
      if (!isSlot(record.slot)) return `a trim up to slot ${record.slot}`
      return faultOfBallot(record.promised) ?? faultOfBallot(record.voted)
    case 'group-counts':
      return record.heard.every(({ groupCount }) => isCount(groupCount))
        ? null
        : 'a group count that is no count'
  }
}

/** An upper bound of what a record takes when it is written. */
export function sizeBoundBytes(record: JournalRecord): number {
  if (record.type !== 'vote' && record.type !== 'decided') return FIXED_BYTES
  let size = FIXED_BYTES
  for (const value of record.values) size += value.length + DELIMITER_BYTES
  return size
}

function readFields(reader: Reader): StoredRecord {
  const tag = reader.u8()
  switch (tag) {
    case PROMISE:
      return { type: 'promise', scope: readScope(reader), slot: reader.varint(), ballot: readBallot(reader) }
    case VOTE:
      return { type: 'vote', ballot: readBallot(reader), first: reader.varint(), values: readValues(reader) }
    case CHOSEN:
      return { type: 'chosen', first: reader.varint(), last: reader.varint() }
    case DECIDED:
      return { type: 'decided', first: reader.varint(), values: readValues(reader) }
    case TRIM:
      return {
        type: 'trim',
        slot: reader.varint(),
        promised: readBallot(reader),
        voted: readBallot(reader),
      }
    case GROUP_COUNTS:
      return { type: 'group-counts', heard: readGroupCounts(reader) }
    default:
      throw new MalformedError(`unknown kind of record: ${tag}`)
  }
}

function readGroupCounts(reader: Reader): AcceptorGroupCount[] {
  return Array.from({ length: reader.count() }, () => ({
    acceptor: readAcceptor(reader),
    groupCount: reader.varint(),
  }))
}

function readScope(reader: Reader): 'slot' | 'log' {
  const scope = reader.u8()
  if (scope > SCOPE_LOG) throw new MalformedError(`unknown scope: ${scope}`)
  return scope === SCOPE_LOG ? 'log' : 'slot'
}

function faultOfValues(first: Slot, values: readonly Value[]): string | null {
  if (isSlot(first) && values.length > 0 && isSlot(first + (values.length - 1))) return null
  return `${values.length} values from slot ${first} on`
}

function faultOfBallot({ seq, server }: Ballot): string | null {
  if (isCount(seq) && isCount(server)) return null
  return `ballot (${seq}, s${server})`
}

function isSlot(slot: number): boolean {
  return Number.isSafeInteger(slot) && slot >= 1
}

function isCount(count: number): boolean {
  return Number.isSafeInteger(count) && count >= 0
}

/**
 * Once this slot is trimmed, the record need not be kept: what a trim says counts until there is a
 * later one.
 */
export function lastSlotOf(record: StoredRecord): Slot {
  switch (record.type) {
    case 'promise':
      return record.slot
    case 'chosen':
      return record.last
    case 'vote':
    case 'decided':
      return record.first + record.values.length - 1
    case 'trim':
      return record.slot + 1
    case 'group-counts':
      return 0
  }
}
