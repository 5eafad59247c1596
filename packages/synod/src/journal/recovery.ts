import { join } from 'node:path'
import { MalformedError } from '../bytes/reader.js'
import type { Slot } from '../paxos/ballot.js'
import type { JournalRecord } from '../paxos/records.js'
import type { Disk } from '../storage/disk.js'
import { findGroup, groupMarker, readGroup, readRecords } from './group.js'
import type { Group } from './group.js'
import { IdentityFault, loadIdentity } from './identity.js'
import type { AcceptorId, Identity } from './identity.js'
import { OUTDATED_FILE, loadOutdated } from './outdated.js'
import { type GroupCountsRecord, lastSlotOf } from './record-codec.js'
import { RECOVERY_TABLE } from './recovery-table.js'
import type { RecoveryFinding, RecoveryCase } from './recovery-table.js'
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  segmentName,
  segmentNumbers,
  UnsupportedVersionError,
} from './segment.js'
import type { FoundHeader } from './segment.js'

/** Where a journal ends, once it is cut as found. */
export interface JournalEnd {
  /** The segments that are needed, in order, at least one. */
  readonly segments: readonly KeptSegment[]
  /** Where the groups in the last of them end. */
  readonly sizeBytes: number
  /** Where the zeros end that follow there: space that was written beforehand. */
  readonly paddedBytes: number
  readonly nextSequence: number
  /** What was written last: a group, or the header of a segment that holds none. */
  readonly lastWritten: Buffer
}

/** A segment that has not been trimmed. */
export interface KeptSegment {
  readonly number: number
  /** The highest slot that a record in it speaks of. */
  last: Slot
}

/** What is in a data directory. Nothing has been changed. */
export interface Recovery {
  readonly finding: RecoveryFinding
  readonly identity: Identity | null
  /**
   * Everything recorded, in order, values as views of the segments; empty when the finding is to
   * refuse.
   */
  readonly records: readonly JournalRecord[]
  /** What other acceptors' journals had come to, as far as this server had heard. */
  readonly heard: ReadonlyMap<AcceptorId, number>
  /** Null when there is no segment to go on with. */
  readonly end: JournalEnd | null
}

/** Reads a data directory and judges it by the decision table. Rejects only if the disk does. */
export async function recover(disk: Disk, directory: string): Promise<Recovery> {
  const names = await disk.list(directory)
  const numbers = segmentNumbers(names)
  let identity: Identity | null
  try {
    identity = await loadIdentity(disk, directory)
  } catch (error) {
    if (!(error instanceof IdentityFault)) throw error
    const name = error.kind === 'damaged' ? 'damaged-identity' : 'unsupported-version'
    return withoutRecords(findingOf(name, 'identity', 0, error.message), null)
  }
  const outdated = await loadOutdated(disk, directory, names)
  if (outdated !== undefined)
    return withoutRecords(findingOf('outdated', OUTDATED_FILE, 0, outdated), identity)
  if (identity === null || numbers.length === 0)
    return withoutRecords(judgeAbsence(identity, numbers.length), identity)
  return new Examination(identity).run(disk, directory, numbers)
}

function withoutRecords(finding: RecoveryFinding, identity: Identity | null): Recovery {
  return { finding, identity, records: [], heard: new Map(), end: null }
}

function judgeAbsence(identity: Identity | null, segments: number): RecoveryFinding {
  if (identity === null) {
    if (segments === 0) return findingOf('new', null, 0, 'the directory is new')
    const message = `there are ${segments} segments, but the identity that says whose they are is gone`
    return findingOf('missing-identity', null, 0, message)
  }
  if (identity.peers === null) return findingOf('unused', null, 0, 'the directory has not been used yet')
  const message = 'this server has been a member of its cluster, but its journal is gone'
  return findingOf('missing-journal', null, 0, message)
}

/** One pass over the segments of a journal. */
class Examination {
  readonly #identity: Identity
  readonly #marker: number
  readonly #records: JournalRecord[] = []
  readonly #heard = new Map<AcceptorId, number>()
  readonly #segments: KeptSegment[] = []
  #nextSequence = 1
  #end: JournalEnd | null = null
  /**
   * What is to be said of the segment before, unless the one after it begins with the next group.
   */
  #doubt: RecoveryFinding | null = null
  /**
   * The same, but where it may be space that was never used, and the next segment was never begun.
   */
  #lost: RecoveryFinding | null = null

  constructor(identity: Identity) {
    this.#identity = identity
    this.#marker = groupMarker(identity.acceptor)
  }

  async run(disk: Disk, directory: string, numbers: readonly number[]): Promise<Recovery> {
    const identity = this.#identity
    const finding = await this.#firstFinding(disk, directory, numbers)
    if (finding.outcome === 'refuse') return withoutRecords(finding, identity)
    return { finding, identity, records: this.#records, heard: this.#heard, end: this.#end }
  }

  async #firstFinding(disk: Disk, directory: string, numbers: readonly number[]): Promise<RecoveryFinding> {
    const first = await this.#firstNeeded(disk, directory, numbers)
    for (const [index, number] of numbers.filter((number) => number >= first).entries()) {
      const expected = first + index
      if (number !== expected) {
        const message = `${segmentName(expected)} is not there, but ${segmentName(number)} is`
        return findingOf('missing-segment', segmentName(expected), 0, message)
      }
      const bytes = await disk.read(join(directory, segmentName(number)))
      const found = this.#examine(bytes, number, number === numbers.at(-1))
      if (found !== null) return found
    }
    const message = `all ${this.#records.length} records in ${this.#segments.length} segments are sound`
    return findingOf('clean', null, 0, message)
  }

  /**
   * The newest header says which segments were trimmed. Where it is not whole, the one before it
   * counts.
   */
  async #firstNeeded(disk: Disk, directory: string, numbers: readonly number[]): Promise<number> {
    for (const number of numbers.slice(-2).reverse()) {
      const bytes = await disk.read(join(directory, segmentName(number)))
      try {
        const header = decodeSegmentHeader(bytes)
        if (header !== null) return this.#faultOfHeader(header, number) === null ? header.first : number
      } catch (error) {
        if (!(error instanceof UnsupportedVersionError)) throw error
        return number
      }
    }
    return 1
  }

  /** Takes in a segment. Null if there is nothing to say of it. */
  #examine(bytes: Buffer, number: number, isLast: boolean): RecoveryFinding | null {
    const name = segmentName(number)
    let header: FoundHeader | null
    try {
      header = decodeSegmentHeader(bytes)
    } catch (error) {
      if (!(error instanceof UnsupportedVersionError)) throw error
      return findingOf('unsupported-version', name, 0, error.message)
    }
    if (header === null) return this.#lost ?? this.#judgeHeader(bytes, number, isLast)
    const fault = this.#faultOfHeader(header, number) ?? this.#faultOfSequence(header, number)
    if (fault !== null) return this.#doubt ?? fault
    this.#doubt = this.#lost = null
    this.#segments.push({ number, last: 0 })

    let offset = header.sizeBytes
    this.#endsWith(bytes.subarray(0, offset), offset)
    while (offset < bytes.length) {
      const group = readGroup(bytes, offset, this.#marker)
      if (group === null || group.sequence < this.#nextSequence)
        return this.#judgeTail(bytes, offset, name, isLast)
      const found = this.#takeIn(group, name)
      if (found !== null) return found
      offset += group.sizeBytes
      this.#endsWith(bytes.subarray(group.offset, offset), offset)
    }
    return null
  }

  #endsWith(lastWritten: Buffer, sizeBytes: number): void {
    const nextSequence = this.#nextSequence
    this.#end = { segments: this.#segments, sizeBytes, paddedBytes: sizeBytes, nextSequence, lastWritten }
  }

  #takeIn(group: Group, name: string): RecoveryFinding | null {
    if (group.sequence !== this.#nextSequence) {
      const message = `group ${group.sequence} is where group ${this.#nextSequence} should be`
      return findingOf('missing-group', name, group.offset, message)
    }
    try {
      const segment = this.#segments.at(-1)
      for (const record of readRecords(group.payload)) {
        if (record.type === 'group-counts') this.#addGroupCounts(record)
        else this.#records.push(record)
        if (segment !== undefined) segment.last = Math.max(segment.last, lastSlotOf(record))
      }
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      const message = `group ${group.sequence} is whole, but its content is not understood: ${error.message}`
      return findingOf('malformed-record', name, group.offset, message)
    }
    this.#nextSequence++
    return null
  }

  #addGroupCounts({ heard }: GroupCountsRecord): void {
    for (const { acceptor, groupCount } of heard)
      this.#heard.set(acceptor, Math.max(groupCount, this.#heard.get(acceptor) ?? 0))
  }

  /** A header that is not whole was either never finished, or it was and has been damaged since. */
  #judgeHeader(bytes: Buffer, number: number, isLast: boolean): RecoveryFinding {
    const name = segmentName(number)
    const { cluster, acceptor, peers } = this.#identity
    const header = encodeSegmentHeader({
      number,
      first: 1,
      firstSequence: this.#nextSequence,
      acceptor,
      cluster,
    })
    const neverUsed = isLast && bytes.length <= header.length && (number > 1 || peers === null)
    if (neverUsed) {
      const message = `${name} was being created when the server stopped, and holds nothing yet`
      return findingOf('torn-segment', name, 0, message)
    }
    return findingOf(
      'damaged-header',
      name,
      0,
      `the header of ${name} is damaged, and the segment was in use`,
    )
  }

  #faultOfHeader(header: FoundHeader, number: number): RecoveryFinding | null {
    const name = segmentName(number)
    const { cluster, acceptor } = this.#identity
    if (header.acceptor !== acceptor || header.cluster !== cluster || header.number !== number) {
      const message =
        `${name} says that it is segment ${header.number} of acceptor ${header.acceptor} in cluster ` +
        `'${header.cluster}', but the directory belongs to acceptor ${acceptor} in cluster '${cluster}'`
      return findingOf('foreign-segment', name, 0, message)
    }
    return null
  }

  #faultOfSequence(header: FoundHeader, number: number): RecoveryFinding | null {
    const name = segmentName(number)
    // Where trimmed segments came before, the first one that is left begins the count.
    if (this.#segments.length === 0 && number > 1) this.#nextSequence = header.firstSequence
    if (header.firstSequence !== this.#nextSequence) {
      const message = `${name} begins with group ${header.firstSequence}, not with ${this.#nextSequence}`
      return findingOf('missing-group', name, 0, message)
    }
    return null
  }

  /**
   * Bytes where a group should begin were either never acknowledged, or they were and have been
   * damaged. Before a later segment they were not, if that one begins with the group that should be
   * here.
   */
  #judgeTail(bytes: Buffer, offset: number, name: string, isLast: boolean): RecoveryFinding | null {
    const later = findGroup(bytes, offset + 1, this.#marker, this.#nextSequence)
    if (isLast && isZero(bytes, offset)) {
      if (this.#end !== null) this.#end = { ...this.#end, paddedBytes: bytes.length }
      return null
    }
    if (isLast && later === null) {
      const message =
        `${name} ends in ${bytes.length - offset} bytes of a write that was cut short when the server ` +
        `stopped: nothing in them was acknowledged`
      return findingOf('torn-tail', name, offset, message)
    }
    const proof = later === null ? 'a later segment' : `group ${later.sequence} at byte ${later.offset}`
    const message = `group ${this.#nextSequence} is damaged, and ${proof} shows that it was acknowledged`
    const finding = findingOf('damaged-group', name, offset, message)
    if (later !== null) return finding
    this.#doubt = finding
    this.#lost = isZero(bytes, offset) ? null : finding
    return null
  }
}

function isZero(bytes: Buffer, from: number): boolean {
  return bytes.subarray(from).every((byte) => byte === 0)
}

function findingOf(
  found: RecoveryCase,
  file: string | null,
  offset: number,
  message: string,
): RecoveryFinding {
  return { case: found, outcome: RECOVERY_TABLE[found].outcome, file, offset, message }
}
