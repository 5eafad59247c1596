import { type ServerId, type Slot, sameBallot } from '../paxos/ballot.js'
import type { Chosen } from '../paxos/messages.js'

/** A notice waits for another message no longer than this. */
const LONGEST_WAIT_MS = 3

/**
 * What a leader has yet to tell its peers to be chosen. A notice is small and in no hurry: alone it
 * would wake a peer for little, so it goes along with the next message, or after a moment. A peer
 * whose clients wait for a slot is told of that slot at once.
 */
export class ChosenNotices {
  readonly #waiting = new Map<ServerId, Chosen>()
  /** The slots for which a peer has clients that wait, as far as that is known. */
  readonly #awaited = new Map<ServerId, Slot>()
  #dueMs = Infinity

  /** When what waits is to leave at the latest; Infinity where nothing waits. */
  get dueMs(): number {
    return this.#dueMs
  }

  /** Clients of this peer wait for slots up to this one. */
  awaits(peer: ServerId, slot: Slot): void {
    this.#awaited.set(peer, slot)
  }

  /** Keeps a notice for later, if it can wait. */
  keeps(peer: ServerId, notice: Chosen, nowMs: number): boolean {
    if (notice.first <= (this.#awaited.get(peer) ?? 0)) return false
    const before = this.#waiting.get(peer)
    if (before === undefined) this.#waiting.set(peer, notice)
    else if (before.last + 1 === notice.first && sameBallot(before.ballot, notice.ballot))
      this.#waiting.set(peer, { ...before, last: notice.last })
    else return false
    this.#dueMs = Math.min(this.#dueMs, nowMs + LONGEST_WAIT_MS)
    return true
  }

  /** What waits for this peer, which is to be told now. */
  take(peer: ServerId): Chosen | undefined {
    const notice = this.#waiting.get(peer)
    if (notice !== undefined && this.#waiting.delete(peer) && this.#waiting.size === 0) this.#dueMs = Infinity
    return notice
  }

  /** The peers to be told by now. */
  peersDue(nowMs: number): readonly ServerId[] {
    return nowMs < this.#dueMs ? [] : [...this.#waiting.keys()]
  }
}
