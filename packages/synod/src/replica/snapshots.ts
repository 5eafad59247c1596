import type { Clock } from '../clock.js'
import type { Logger } from '../logger.js'
import { errorText } from '../machine/contract.js'
import type { ExecutorSnapshot } from '../machine/executor.js'
import type { Ballot, Slot } from '../paxos/ballot.js'
import type { LogView } from '../paxos/log.js'
import type { SnapshotStore } from '../snapshots/snapshot-store.js'

/**
 * When a replica takes a snapshot of its state, and how many slots it keeps behind it. Each waits
 * for up to half as much again, drawn by chance: otherwise all replicas of a cluster, which execute
 * the same, would take theirs at the same time.
 */
export interface SnapshotPolicy {
  /**
   * After this many slots, or one for every 128 bytes of the snapshot before, whichever is more. 1
   * to 10^9.
   */
  readonly everySlots: number
  /**
   * After this many bytes of journal, or as many as the snapshot before has, whichever is more. 1
   * to 2^40.
   */
  readonly everyBytes: number
  /**
   * This many slots before the snapshot are kept, for followers that are a little behind, but never
   * more than `KEPT_BYTES` of commands. 0 to 10^6.
   */
  readonly keepSlots: number
  /** A snapshot goes to a peer in pieces of this size, each in answer to a request. 1 to 2^20. */
  readonly chunkBytes: number
}

export const DEFAULT_SNAPSHOT_POLICY: SnapshotPolicy = {
  everySlots: 200_000,
  everyBytes: 64 << 20,
  keepSlots: 10_000,
  chunkBytes: 256 << 10,
}

/** The most bytes of commands that are kept before a snapshot. */
export const KEPT_BYTES = 16 << 20

/** What a slot of the log weighs beside a snapshot: the bytes that are written and kept for it. */
const SLOT_BYTES = 128

/** Making a snapshot takes one part of the time, and commands have this many. */
const REST = 4

/** More than this at a time was the disk's work, or that of others. */
const MOST_WORK_MS = 5

/** A snapshot that is due waits for up to this share of the time since the one before. */
const SPREAD = 0.5

/**
 * While a peer gets the snapshot that there is, the next one waits, until it is due this many times
 * over.
 */
const PATIENCE = 4

/**
 * Where the disk is full, every so often at most: it lets the journal be trimmed, and the space of
 * what was deleted go.
 */
const FULL_EVERY_MS = 10_000

/** After one that could not be written. */
const PAUSE_MS = 10_000

export interface SnapshotsParts {
  readonly store: SnapshotStore
  readonly policy: SnapshotPolicy
  readonly clock: Clock
  readonly logger: Logger
  /** A number in [0, 1). */
  readonly random: () => number
  readonly log: LogView
  /** The executed watermark. */
  readonly executed: () => Slot
  /** The highest that was promised or voted at here. */
  readonly ballot: () => Ballot
  /** Undefined where the state machine has no snapshots. */
  readonly snapshot: () => ExecutorSnapshot | undefined
  /** Bytes written to the journal since the start. */
  readonly journalBytes: () => number
  /** A peer is getting the newest snapshot at the moment. */
  readonly isServing: () => boolean
  /** The disk is full. */
  readonly isShort: () => boolean
  /** The slots up to this one may be dropped. */
  readonly trim: (slot: Slot) => void
}

/** Takes snapshots, one at a time, and trims what they make needless. */
export class Snapshots {
  readonly #parts: SnapshotsParts
  #writing: Promise<void> | undefined
  #journalBytes = 0
  #notBeforeMs = -Infinity
  #takenMs = -Infinity
  /** How often over the next one has to be due. */
  #share: number
  #stopped = false
  /** How many have been written. */
  taken = 0

  constructor(parts: SnapshotsParts) {
    this.#parts = parts
    this.#share = this.#drawShare()
  }

  get isWriting(): boolean {
    return this.#writing !== undefined
  }

  /** Resolves when none is being written. */
  get idle(): Promise<void> {
    return this.#writing ?? Promise.resolve()
  }

  /** Takes one if it is due. */
  takeIfDue(): void {
    const { clock, isServing, isShort } = this.#parts
    if (isShort() && clock.now() >= Math.max(this.#notBeforeMs, this.#takenMs + FULL_EVERY_MS)) this.take()
    const due = this.#due()
    if (due < this.#share || this.#writing !== undefined || (due < PATIENCE && isServing())) return
    if (clock.now() >= this.#notBeforeMs) this.take()
  }

  /** Takes one now, unless one is under way or there is nothing new to be held. */
  take(): void {
    const { executed, logger, snapshot, store } = this.#parts
    if (this.#stopped || this.#writing !== undefined || executed() <= (store.newest?.slot ?? 0)) return
    let taken: ExecutorSnapshot | undefined
    try {
      taken = snapshot()
    } catch (error) {
      this.#failed(executed(), error)
      return
    }
    if (taken === undefined) return
    const { parts, slot } = taken
    this.#share = this.#drawShare()
    this.#journalBytes = this.#parts.journalBytes()
    const startMs = this.#parts.clock.now()
    this.#writing = store.write(slot, parts, this.#pace(), this.#parts.ballot()).then(
      ({ sizeBytes }) => {
        this.#writing = undefined
        this.taken++
        this.#takenMs = this.#parts.clock.now()
        const tookMs = Math.round(this.#parts.clock.now() - startMs)
        logger.info({ slot, sizeBytes, tookMs }, `took a snapshot at slot ${slot}`)
        if (!this.#stopped) this.#trim(slot)
      },
      (error: unknown) => {
        parts.return?.()
        this.#writing = undefined
        this.#failed(slot, error)
      },
    )
  }

  /** It is tried again, but not at once. */
  #failed(slot: Slot, error: unknown): void {
    const { clock, logger } = this.#parts
    this.#notBeforeMs = clock.now() + PAUSE_MS
    logger.error({ slot }, `the snapshot at slot ${slot} could not be written: ${errorText(error)}`)
  }

  /** The one that is being written is finished; none is taken after it. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#writing
  }

  /**
   * Waits in proportion to what was done since the last wait: the rest of the time is for commands.
   */
  #pace(): () => Promise<void> | undefined {
    const { clock } = this.#parts
    let sinceMs = clock.now()
    return () => {
      const workedMs = Math.min(clock.now() - sinceMs, MOST_WORK_MS)
      sinceMs = clock.now()
      if (workedMs <= 0 || this.#stopped) return undefined
      return new Promise((done) => {
        clock.timer(REST * workedMs, () => {
          sinceMs = clock.now()
          done()
        })
      })
    }
  }

  #drawShare(): number {
    return 1 + SPREAD * this.#parts.random()
  }

  /** How often over a snapshot is due. */
  #due(): number {
    const { executed, journalBytes, policy, store } = this.#parts
    const { sizeBytes, slot } = store.newest ?? { sizeBytes: 0, slot: 0 }
    const slots = (executed() - slot) / Math.max(policy.everySlots, sizeBytes / SLOT_BYTES)
    const bytes = (journalBytes() - this.#journalBytes) / Math.max(policy.everyBytes, sizeBytes)
    return Math.max(slots, bytes)
  }

  #trim(slot: Slot): void {
    const { isShort, log, policy, trim } = this.#parts
    const keepSlots = isShort() ? 0 : policy.keepSlots
    let keptBytes = 0
    let first = slot
    while (first > 0 && slot - first < keepSlots && keptBytes < KEPT_BYTES) {
      keptBytes += log.chosenBytes(first)
      first--
    }
    if (first > 0) trim(first)
  }
}
