import type { ClusterId } from '../cluster/cluster-id.js'
import { SynodError } from '../errors.js'
import type { Slot } from '../paxos/ballot.js'
import type { JournalRecord } from '../paxos/records.js'
import type { Disk } from '../storage/disk.js'
import { GroupWriter, groupMarker } from './group.js'
import { isIdentity, saveIdentity } from './identity.js'
import type { Identity, PeerAcceptors } from './identity.js'
import type { GroupCounts } from './group-counts.js'
import type { SpaceWaiter } from '../storage/no-space.js'
import type { Reserve } from '../storage/reserve.js'
import { faultOf, lastSlotOf, sizeBoundBytes } from './record-codec.js'
import type { SegmentWriter } from './segment-writer.js'

/** The largest record, with its values. */
export const MAX_RECORD_BYTES = 64 << 20

/**
 * The most that may wait for one fsync. A segment, with a group of this size at its end, can still
 * be read.
 */
export const MAX_GROUP_BYTES = 1 << 30

/** Counts since the journal was opened. */
export interface JournalStats {
  readonly groups: number
  /** Files that the journal has at the moment. */
  readonly segments: number
  /** Written in groups; headers of segments are not counted. */
  readonly bytes: number
  /** One for each group and each segment. */
  readonly fsyncs: number
  readonly lastFsyncMs: number
  /** For how long the disk has been at the write that is under way; 0 if there is none. */
  readonly writingMs: number
}

export interface JournalParts {
  readonly disk: Disk
  readonly directory: string
  readonly identity: Identity
  readonly segments: SegmentWriter
  /** What is heard of other acceptors, to be written along with the records. */
  readonly groupCounts: GroupCounts
  readonly space: SpaceWaiter
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
  /** This many records are durable. It goes up with every call. */
  readonly onDurable: (upTo: number) => void
  /** The journal has failed, once and for all. */
  readonly onFailure: (error: SynodError) => void
  readonly release: () => Promise<void>
}

/**
 * What an acceptor must not forget, on disk. Records are written in groups, each after the fsync of
 * the one before. A failed write or fsync ends the journal: the system drops what it could not
 * write, so a second fsync would succeed, and lie (docs/internals/journal.md).
 */
export class Journal {
  /**
   * How far the journals of other acceptors have come. What is new is written with the next group.
   */
  readonly groupCounts: GroupCounts
  readonly #disk: Disk
  readonly #directory: string
  readonly #segments: SegmentWriter
  readonly #space: SpaceWaiter
  readonly #now: () => number
  readonly #onDurable: (upTo: number) => void
  readonly #onFailure: (error: SynodError) => void
  readonly #release: () => Promise<void>

  readonly #group: GroupWriter
  #identity: Identity
  /** The highest slot that a record of the group speaks of, and the slot that one trims to. */
  #last: Slot = 0
  #trim: Slot = 0
  #appended = 0
  /** `flush` has been called for the records up to here. */
  #wanted = 0
  #durable = 0
  #groups = 0
  #bytes = 0
  /** When the write under way began; Infinity while there is none. */
  #writingSinceMs = Infinity

  #failure: SynodError | null = null
  #writing: Promise<void> | null = null
  #saving: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | null = null

  /** Use `openJournal`. */
  constructor(parts: JournalParts) {
    this.#disk = parts.disk
    this.#directory = parts.directory
    this.#identity = parts.identity
    this.#segments = parts.segments
    this.groupCounts = parts.groupCounts
    this.#space = parts.space
    this.#now = parts.now
    this.#onDurable = parts.onDurable
    this.#onFailure = parts.onFailure
    this.#release = parts.release
    this.#group = new GroupWriter(groupMarker(parts.identity.acceptor))
  }

  /** Records appended since the journal was opened. */
  get appended(): number {
    return this.#appended
  }

  /** How many of them are durable. */
  get durable(): number {
    return this.#durable
  }

  /** The number of the last group that is durable, counted since the acceptor was made. */
  get groupCount(): number {
    return this.#segments.nextSequence - 1
  }

  /** For how long the disk has been at the group that it writes; 0 if it writes none. */
  get writingMs(): number {
    return Math.max(0, this.#now() - this.#writingSinceMs)
  }

  /** What has been appended since the group that is being written. */
  get waitingBytes(): number {
    return this.#group.sizeBytes
  }

  get lastFsyncMs(): number {
    return this.#segments.lastFsyncMs
  }

  /** Files whose space is allocated beforehand. */
  get reserves(): readonly Reserve[] {
    return this.#segments.reserves
  }

  get identity(): Identity {
    return this.#identity
  }

  get stats(): JournalStats {
    const { fsyncs, lastFsyncMs } = this.#segments
    const segments = this.#segments.count
    return {
      groups: this.#groups,
      segments,
      bytes: this.#bytes,
      fsyncs,
      lastFsyncMs,
      writingMs: this.writingMs,
    }
  }

  /**
   * Encodes the records, all or none of them, and returns the number of the last: how many have
   * been appended since the journal was opened. Nothing is written before `flush`.
   *
   * @throws SynodError `too-large` for a record of more than 64 MiB, `overloaded` when more than 1
   * GiB waits to be written, `closed`, or `journal-failed`
   */
  append(records: readonly JournalRecord[]): number {
    if (this.#failure !== null) throw this.#failure
    if (this.#closing !== null) throw new SynodError('closed', 'the journal is closed')
    this.#check(records)
    for (const record of records) {
      this.#group.add(record)
      // A promise is written anew with the next trim. (Found at a start, it may be from before that
      // was so.)
      if (record.type !== 'promise') this.#last = Math.max(this.#last, lastSlotOf(record))
      if (record.type === 'trim') this.#trim = record.slot
    }
    this.#appended += records.length
    return this.#appended
  }

  /**
   * Starts to write everything appended so far; if a group is under way, it follows in the next
   * one. `onDurable` tells when it is durable.
   */
  flush(): void {
    this.#wanted = this.#appended
    if (this.#wanted > this.#durable && this.#failure === null) this.#writing ??= this.#writeGroups()
  }

  /**
   * Records the id of the cluster and the acceptors that founded it, now that they are known;
   * resolves with the identity when it is durable. Rejects with `journal-failed` and `closed`.
   */
  savePeers(clusterId: ClusterId, peers: PeerAcceptors): Promise<Identity> {
    const saved = this.#saving.then(() => this.#savePeers(clusterId, peers))
    this.#saving = saved.catch(() => undefined)
    return saved
  }

  /**
   * Flushes, and gives up the directory. If the flush fails, that is reported as any failure is;
   * compare `durable` with `appended`.
   */
  close(): Promise<void> {
    if (this.#closing === null) {
      this.flush()
      this.#closing = this.#close()
    }
    return this.#closing
  }

  #check(records: readonly JournalRecord[]): void {
    let groupBytes = this.#group.sizeBytes
    for (const record of records) {
      const fault = faultOf(record)
      if (fault !== null) throw new RangeError(`invalid record: ${fault}`)
      const sizeBytes = sizeBoundBytes(record)
      if (sizeBytes > MAX_RECORD_BYTES) {
        throw new SynodError('too-large', `a record has at most ${MAX_RECORD_BYTES} bytes, not ${sizeBytes}`)
      }
      groupBytes += sizeBytes
    }
    if (groupBytes > MAX_GROUP_BYTES) {
      throw new SynodError('overloaded', `more than ${MAX_GROUP_BYTES} bytes wait for the disk`)
    }
  }

  async #writeGroups(): Promise<void> {
    while (this.#wanted > this.#durable) {
      const upTo = this.#appended
      const [last, trim] = [this.#last, this.#trim]
      // The group of the latest trim outlives all before it, so it repeats what they said.
      const heard = this.groupCounts.take(trim > 0)
      if (heard.length > 0) this.#group.add({ type: 'group-counts', heard })
      const group = this.#group.seal(this.#segments.nextSequence)
      this.#last = this.#trim = 0
      this.#writingSinceMs = this.#now()
      try {
        if (trim > 0) await this.#segments.beginTrim(trim)
        await this.#segments.write(group, last)
        if (trim > 0) await this.#segments.trim(trim)
      } catch (error) {
        this.#fail('the journal could not be written', error)
      }
      // Saving the identity may have failed meanwhile.
      if (this.#failure !== null) break
      this.#groups++
      this.#bytes += group.length
      this.#durable = upTo
      this.#onDurable(upTo)
    }
    this.#writingSinceMs = Infinity
    this.#writing = null
  }

  async #savePeers(clusterId: ClusterId, peers: PeerAcceptors): Promise<Identity> {
    if (this.#failure !== null) throw this.#failure
    if (this.#closing !== null) throw new SynodError('closed', 'the journal is closed')
    const identity = { ...this.#identity, clusterId, peers }
    if (!isIdentity(identity)) throw new RangeError('the peers do not name the acceptor of this server')
    try {
      await saveIdentity(this.#disk, this.#directory, identity, this.#space)
    } catch (error) {
      throw this.#fail('the identity of the server could not be written', error)
    }
    this.#identity = identity
    return identity
  }

  #fail(what: string, cause: unknown): SynodError {
    if (this.#failure === null) {
      this.#failure = journalFailed(what, cause)
      this.#onFailure(this.#failure)
    }
    return this.#failure
  }

  async #close(): Promise<void> {
    await this.#writing
    await this.#saving
    try {
      await this.#segments.close()
    } finally {
      await this.#release()
    }
  }
}

/** `what` names what could not be done. */
export function journalFailed(what: string, cause: unknown): SynodError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new SynodError('journal-failed', `${what}: ${reason}`, { cause })
}
