import { join } from 'node:path'
import { MalformedError } from '../bytes/reader.js'
import type { Ballot, Slot } from '../paxos/ballot.js'
import type { ChosenRecord, PromiseRecord, TrimRecord } from '../paxos/records.js'
import type { Value } from '../paxos/value.js'
import type { Disk } from '../storage/disk.js'
import { findGroup, groupMarker, readRecords } from './group.js'
import type { Group } from './group.js'
import type { Identity } from './identity.js'
import { nodeDisk } from '../storage/node-disk.js'
import type { GroupCountsRecord, StoredRecord } from './record-codec.js'
import type { RecoveryFinding } from './recovery-table.js'
import { recover } from './recovery.js'
import { decodeSegmentHeader, segmentName, segmentNumbers, UnsupportedVersionError } from './segment.js'
import type { FoundHeader } from './segment.js'

export type { FoundHeader }

/** What a data directory holds, as plain data. */
export interface JournalInspection {
  readonly directory: string
  /** Null when it is missing or damaged. */
  readonly identity: Identity | null
  /** What a server that started on it now would find. */
  readonly finding: RecoveryFinding
  readonly segments: readonly SegmentInspection[]
}

export interface SegmentInspection {
  readonly name: string
  readonly sizeBytes: number
  /** Null when there is no whole one of a version that is known. */
  readonly header: FoundHeader | null
  /** All whole groups, also those beyond damage. What lies between them is not readable. */
  readonly groups: readonly GroupInspection[]
}

export interface GroupInspection {
  readonly sequence: number
  readonly offset: number
  readonly sizeBytes: number
  /** Null when they are not understood. */
  readonly records: readonly RecordSummary[] | null
}

/** A record with the sizes of its values, in bytes, in place of the values. */
export type RecordSummary =
  | PromiseRecord
  | ChosenRecord
  | TrimRecord
  | GroupCountsRecord
  | {
      readonly type: 'vote'
      readonly ballot: Ballot
      readonly first: Slot
      readonly last: Slot
      readonly sizes: readonly number[]
    }
  | { readonly type: 'decided'; readonly first: Slot; readonly last: Slot; readonly sizes: readonly number[] }

/**
 * Reads a data directory without taking it or changing anything in it: one in use, or damaged, will
 * do. What a running server is writing at the moment looks like a torn tail.
 */
export async function inspectJournal(directory: string, disk: Disk = nodeDisk): Promise<JournalInspection> {
  const { identity, finding } = await recover(disk, directory)
  const segments: SegmentInspection[] = []
  for (const number of segmentNumbers(await disk.list(directory))) {
    const name = segmentName(number)
    segments.push(inspectSegment(name, await disk.read(join(directory, name)), identity))
  }
  return { directory, identity, finding, segments }
}

function inspectSegment(name: string, bytes: Buffer, identity: Identity | null): SegmentInspection {
  const header = headerOf(bytes)
  const acceptor = header?.acceptor ?? identity?.acceptor
  const groups: GroupInspection[] = []
  if (acceptor !== undefined) {
    const marker = groupMarker(acceptor)
    let group = findGroup(bytes, header?.sizeBytes ?? 0, marker, 1)
    while (group !== null) {
      groups.push(inspectGroup(group))
      group = findGroup(bytes, group.offset + group.sizeBytes, marker, 1)
    }
  }
  return { name, sizeBytes: bytes.length, header, groups }
}

function headerOf(bytes: Buffer): FoundHeader | null {
  try {
    return decodeSegmentHeader(bytes)
  } catch (error) {
    if (error instanceof UnsupportedVersionError) return null
    throw error
  }
}

function inspectGroup({ sequence, offset, sizeBytes, payload }: Group): GroupInspection {
  try {
    return { sequence, offset, sizeBytes, records: readRecords(payload).map(summarise) }
  } catch (error) {
    if (error instanceof MalformedError) return { sequence, offset, sizeBytes, records: null }
    throw error
  }
}

function summarise(record: StoredRecord): RecordSummary {
  switch (record.type) {
    case 'promise':
    case 'chosen':
    case 'trim':
    case 'group-counts':
      return record
    case 'vote':
      return { type: 'vote', ballot: record.ballot, ...summariseValues(record) }
    case 'decided':
      return { type: 'decided', ...summariseValues(record) }
  }
}

function summariseValues({ first, values }: { readonly first: Slot; readonly values: readonly Value[] }) {
  return { first, last: first + values.length - 1, sizes: values.map((value) => value.length) }
}
