import type { Clock } from '../clock.js'
import type { Logger } from '../logger.js'
import type { AnswerSnapshot } from '../net/peer-listener.js'
import type { SnapshotRequest } from '../net/peer-messages.js'
import type { ServerId, Slot } from '../paxos/ballot.js'
import type { SnapshotPolicy } from './snapshots.js'
import type { SnapshotStore } from '../snapshots/snapshot-store.js'

/** All peers together get no more than this in a second, so that the cluster has the rest of the machine for its work. */
export const RATE_BYTES_PER_S = 32 << 20

/** A peer that has not asked for longer than this is not getting a snapshot any more. */
const PATIENCE_MS = 5000

export interface SnapshotServiceParts {
  readonly store: SnapshotStore
  readonly policy: SnapshotPolicy
  readonly clock: Clock
  readonly logger: Logger
  readonly executed: () => Slot
  /** A peer needs a newer one than there is. */
  readonly take: () => void
}

/** Sends the newest snapshot to peers that ask for it, piece by piece. */
export class SnapshotService {
  readonly #parts: SnapshotServiceParts
  /** When each peer last asked. */
  readonly #asked_ms = new Map<ServerId, number>()
  /** When the next piece may leave. */
  #next_ms = -Infinity

  constructor(parts: SnapshotServiceParts) {
    this.#parts = parts
  }

  /** Whether some peer is getting a snapshot. */
  get isServing(): boolean {
    const now_ms = this.#parts.clock.now()
    for (const [peer, asked_ms] of this.#asked_ms) {
      if (now_ms - asked_ms < PATIENCE_MS) return true
      this.#asked_ms.delete(peer)
    }
    return false
  }

  onRequest(from: ServerId, request: SnapshotRequest, answer: AnswerSnapshot): void {
    const { clock, executed, policy, store, take } = this.#parts
    const { newest } = store
    if (newest === undefined || newest.slot < request.atLeast) {
      if (executed() >= request.atLeast) take()
      answer({ type: 'no-snapshot' })
      return
    }
    this.#asked_ms.set(from, clock.now())
    this.#next_ms = Math.max(this.#next_ms, clock.now()) + (policy.chunkBytes / RATE_BYTES_PER_S) * 1000
    clock.timer(this.#next_ms - clock.now(), () => {
      void this.#send(request, answer)
    })
  }

  async #send(request: SnapshotRequest, answer: AnswerSnapshot): Promise<void> {
    const { logger, policy, store } = this.#parts
    const { newest } = store
    if (newest === undefined) return
    const { size_bytes, slot } = newest
    const offset = request.slot === slot && request.offset < size_bytes ? request.offset : 0
    try {
      const bytes = await store.read(offset, policy.chunkBytes)
      answer({ type: 'snapshot-chunk', slot, size_bytes, offset, bytes })
    } catch (error) {
      // A newer one may have taken its place just now: whoever asks again gets that.
      const reason = error instanceof Error ? error.message : String(error)
      logger.warn({ slot }, `the snapshot at slot ${slot} could not be read: ${reason}`)
      answer({ type: 'no-snapshot' })
    }
  }
}
