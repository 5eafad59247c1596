import type { Clock } from '../clock.js'
import { SynodError } from '../errors.js'
import type { Logger } from '../logger.js'
import { errorText } from '../machine/contract.js'
import type { SnapshotPiece } from '../net/client/messages.js'
import type { AnswerSnapshot } from '../net/peer/listener.js'
import type { SnapshotRequest } from '../net/peer/messages.js'
import { overloaded } from '../service-pace.js'
import type { ServerId, Slot } from '../paxos/ballot.js'
import type { SnapshotPolicy } from './snapshots.js'
import type { SnapshotStore } from '../snapshots/snapshot-store.js'

/**
 * All peers and clients together get no more than this in a second, so that the cluster has the
 * rest of the machine for its work.
 */
export const RATE_BYTES_PER_S = 160 << 20

/** Who has not asked for longer than this is not getting a snapshot any more. */
export const ABANDONED_AFTER_MS = 5000

/** A client gets one at a time. Another one is told to come back after this time. */
export const MAX_SAVING_CLIENTS = 1
const RETRY_AFTER_MS = 1000

/**
 * After a snapshot for a client, no other one is taken for clients for this many times as long as
 * it took.
 */
export const SAVE_PAUSE_FACTOR = 4

export interface SnapshotServiceParts {
  readonly store: SnapshotStore
  readonly policy: SnapshotPolicy
  readonly clock: Clock
  readonly logger: Logger
  readonly executed: () => Slot
  /** A newer one than there is is needed. Resolves when it is there, or could not be taken. */
  readonly take: () => Promise<void>
}

/** Sends the newest snapshot to peers and clients that ask for it, piece by piece. */
export class SnapshotService {
  readonly #parts: SnapshotServiceParts
  /** When each peer, or client, last asked. */
  readonly #askedMs = new Map<ServerId | object, number>()
  /** When the next piece may leave. */
  #nextMs = -Infinity
  /** The client that gets one, and when the next may be taken for one. */
  #saver: object | undefined
  #notBeforeMs = -Infinity

  constructor(parts: SnapshotServiceParts) {
    this.#parts = parts
  }

  /** Whether anyone is getting a snapshot. */
  get isServing(): boolean {
    const nowMs = this.#parts.clock.now()
    for (const [who, askedMs] of this.#askedMs) {
      if (nowMs - askedMs < ABANDONED_AFTER_MS) return true
      this.#askedMs.delete(who)
    }
    return false
  }

  onRequest(from: ServerId, request: SnapshotRequest, answer: AnswerSnapshot): void {
    const { executed, store, take } = this.#parts
    const { newest } = store
    if (newest === undefined || newest.slot < request.atLeast) {
      if (executed() >= request.atLeast) void take()
      answer({ type: 'no-snapshot' })
      return
    }
    this.#askedMs.set(from, this.#parts.clock.now())
    void this.#inTurn().then(() => this.#send(request, answer))
  }

  /**
   * The piece from `offset` on of the snapshot at `slot`, or of a new one where that is 0. Rejects
   * with `overloaded` while another client gets one, or soon after one was taken for a client; and
   * with `snapshot-failed`.
   */
  async save(slot: Slot, offset: number, owner: object): Promise<SnapshotPiece> {
    this.#admit(owner)
    let isOver = true
    try {
      if (slot === 0) await this.#takeNew()
      await this.#inTurn()
      const piece = await this.#read(slot, offset)
      isOver = offset + piece.bytes.length >= piece.sizeBytes
      return piece
    } finally {
      if (isOver) this.#askedMs.delete(owner)
      else this.#askedMs.set(owner, this.#parts.clock.now())
    }
  }

  /**
   * Until the piece is there, the client counts as one that is getting a snapshot. Throws
   * `overloaded`.
   */
  #admit(owner: object): void {
    const askedMs = this.#askedMs.get(this.#saver ?? owner) ?? -Infinity
    const isBusy = askedMs === Infinity
    if (isBusy || (this.#saver !== owner && this.#parts.clock.now() - askedMs < ABANDONED_AFTER_MS))
      throw overloaded(`${MAX_SAVING_CLIENTS} client gets a snapshot already`, RETRY_AFTER_MS)
    if (this.#saver !== undefined) this.#askedMs.delete(this.#saver)
    this.#saver = owner
    this.#askedMs.set(owner, Infinity)
  }

  /** Sees to it that the newest snapshot is that of the executed watermark, or of a later one. */
  async #takeNew(): Promise<void> {
    const { clock, executed, store, take } = this.#parts
    const wanted = executed()
    const startMs = clock.now()
    if (wanted > 0 && (store.newest?.slot ?? 0) >= wanted) return
    if (this.#notBeforeMs > startMs)
      throw overloaded(
        'a snapshot was taken for a client a moment ago',
        Math.ceil(this.#notBeforeMs - startMs),
      )
    await take()
    // That may have been one of an earlier slot, which was under way.
    if ((store.newest?.slot ?? 0) < wanted) await take()
    this.#notBeforeMs = clock.now() + SAVE_PAUSE_FACTOR * (clock.now() - startMs)
    if (store.newest === undefined || store.newest.slot < wanted)
      throw saveFailed(
        'no snapshot could be taken: the log of the replica says why, if its state machine has snapshots',
      )
  }

  async #read(slot: Slot, offset: number): Promise<SnapshotPiece> {
    const { policy, store } = this.#parts
    const { newest } = store
    if (newest === undefined || (slot !== 0 && newest.slot !== slot))
      throw saveFailed(`the snapshot of slot ${slot} was replaced by a newer one: begin again`)
    const { sizeBytes } = newest
    if (offset >= sizeBytes)
      throw saveFailed(`the snapshot of slot ${newest.slot} has ${sizeBytes} bytes, and none at ${offset}`)
    try {
      return { slot: newest.slot, sizeBytes, bytes: await store.read(offset, policy.chunkBytes) }
    } catch (error) {
      throw saveFailed(`the snapshot of slot ${newest.slot} could not be read: ${errorText(error)}`)
    }
  }

  /** Resolves when the next piece may leave. */
  #inTurn(): Promise<void> {
    const { clock, policy } = this.#parts
    const leavesMs = Math.max(this.#nextMs, clock.now())
    this.#nextMs = leavesMs + (policy.chunkBytes / RATE_BYTES_PER_S) * 1000
    return new Promise((resolve) => {
      clock.timer(leavesMs - clock.now(), resolve)
    })
  }

  async #send(request: SnapshotRequest, answer: AnswerSnapshot): Promise<void> {
    const { logger, policy, store } = this.#parts
    const { newest } = store
    if (newest === undefined) return
    const { sizeBytes, slot } = newest
    const offset = request.slot === slot && request.offset < sizeBytes ? request.offset : 0
    try {
      const bytes = await store.read(offset, policy.chunkBytes)
      answer({ type: 'snapshot-chunk', slot, sizeBytes, offset, bytes })
    } catch (error) {
      // A newer one may have replaced it just now: a peer that asks again gets that one.
      const reason = error instanceof Error ? error.message : String(error)
      logger.warn({ slot }, `the snapshot at slot ${slot} could not be read: ${reason}`)
      answer({ type: 'no-snapshot' })
    }
  }
}

function saveFailed(message: string): SynodError {
  return new SynodError('snapshot-failed', message)
}
