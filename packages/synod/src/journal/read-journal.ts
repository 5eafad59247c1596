import { join } from 'node:path'
import { MalformedError } from '../bytes/reader.js'
import type { JournalRecord } from '../paxos/records.js'
import type { Disk } from '../storage/disk.js'
import { findGroup, groupMarker, readRecords } from './group.js'
import type { Identity } from './identity.js'
import { recover } from './recovery.js'
import type { RecoveryFinding } from './recovery-table.js'
import { decodeSegmentHeader, segmentName, segmentNumbers, UnsupportedVersionError } from './segment.js'

/** Records were here, and are gone: what follows was written later. */
export interface Gap {
  readonly type: 'gap'
}

const GAP: Gap = { type: 'gap' }

/** All that can be read of a journal, damaged or not. */
export interface ReadJournal {
  /** Undefined where it is missing or damaged: then nothing is known of the records either. */
  readonly identity: Identity | undefined
  readonly finding: RecoveryFinding
  /** In the order in which they were written. */
  readonly records: readonly (JournalRecord | Gap)[]
  /**
   * Groups that should be there and are not; those after the last one that is left are not counted.
   */
  readonly lostGroups: number
}

/**
 * Reads the journal in a data directory and changes nothing. Of a damaged one, it gives back every
 * group that is whole. Rejects only if the disk does.
 */
export async function readJournal(disk: Disk, directory: string): Promise<ReadJournal> {
  const { finding, identity, records } = await recover(disk, directory)
  if (identity === null) return { identity: undefined, finding, records: [], lostGroups: 0 }
  if (finding.outcome !== 'refuse') return { identity, finding, records, lostGroups: 0 }
  return { identity, finding, ...(await salvage(disk, directory, identity)) }
}

/**
 * Group by group, past all damage. A group with a lower sequence than the one before it is left
 * over from an earlier use.
 */
async function salvage(
  disk: Disk,
  directory: string,
  { acceptor }: Identity,
): Promise<Pick<ReadJournal, 'records' | 'lostGroups'>> {
  const marker = groupMarker(acceptor)
  const records: (JournalRecord | Gap)[] = []
  let [next, lostGroups, isFirst] = [1, 0, true]
  for (const number of segmentNumbers(await disk.list(directory))) {
    const bytes = await disk.read(join(directory, segmentName(number)))
    const begin = beginOf(bytes, acceptor)
    if (begin === undefined) continue
    // The segments before the first one may have been trimmed, or lost: what is left begins with a
    // gap in either case.
    if (isFirst) next = begin.firstSequence
    isFirst = false
    let group = findGroup(bytes, begin.offset, marker, next)
    while (group !== null) {
      const found = recordsOf(group.payload)
      if (group.sequence > next || found === undefined) records.push(GAP)
      lostGroups += group.sequence - next + (found === undefined ? 1 : 0)
      for (const record of found ?? []) records.push(record)
      next = group.sequence + 1
      group = findGroup(bytes, group.offset + group.sizeBytes, marker, next)
    }
  }
  return { records, lostGroups }
}

/** Where the groups of a segment begin; undefined for one of another acceptor or version. */
function beginOf(
  bytes: Buffer,
  acceptor: string,
): { readonly offset: number; readonly firstSequence: number } | undefined {
  try {
    const header = decodeSegmentHeader(bytes)
    if (header === null) return { offset: 0, firstSequence: 1 }
    if (header.acceptor !== acceptor) return undefined
    return { offset: header.sizeBytes, firstSequence: header.firstSequence }
  } catch (error) {
    if (error instanceof UnsupportedVersionError) return undefined
    throw error
  }
}

/** Undefined where they are not understood. */
function recordsOf(payload: Buffer): JournalRecord[] | undefined {
  try {
    return readRecords(payload).filter((record) => record.type !== 'group-counts')
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}
