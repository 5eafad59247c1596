import type { ServerId, Slot } from '../ballot.js'
import type { HeartbeatAnswer } from '../messages.js'
import { type ServerSet, withServer } from '../server-set.js'

/**
 * What is assumed of clocks: while the leader's clock advances by 1 - CLOCK_MARGIN, no other clock
 * advances by more than 1.
 */
export const CLOCK_MARGIN = 0.2

/** How many leases long clocks are compared, beside comparing each answer with the one before. */
const COMPARED_LEASES = 4

/** An answer of an acceptor: its clock when it answered the heartbeat that left at `sentMs`. */
interface Reading {
  readonly sentMs: number
  readonly clockMs: number
}

export interface LeaseState {
  /** The lease is ended for good: another server has been told to take over. */
  isOver: boolean
  /** All that may have been chosen before this server led is in the slots up to this one. */
  inherited: Slot
  /** When the heartbeats left, by round, while an answer can still count. */
  readonly sent: Map<number, number>
  /** By acceptor, when the latest heartbeat left that it has answered. */
  readonly answered: Map<ServerId, number>
  /**
   * By acceptor, the readings that its clock is compared with: the first one in some time, and the
   * latest.
   */
  readonly clocks: Map<ServerId, { first: Reading; last: Reading }>
}

export function emptyLease(inherited: Slot): LeaseState {
  return { isOver: false, inherited, sent: new Map(), answered: new Map(), clocks: new Map() }
}

/**
 * The leader's side of a lease. Acceptors are bound from when they answer; the leader counts from
 * when the heartbeat left, and for less time. A bound quorum of phase 2 leaves a rival none of
 * phase 1: docs/concepts/reads.md has the proof. (Gray and Cheriton: Leases, SOSP 1989.)
 */
export class Lease {
  readonly state: LeaseState
  readonly #leaseMs: number

  constructor(state: LeaseState, leaseMs: number) {
    this.state = state
    this.#leaseMs = leaseMs
  }

  /** The heartbeats of this round leave now. */
  beginRound(round: number, nowMs: number): void {
    const { sent } = this.state
    for (const [old, sentMs] of sent) if (nowMs - sentMs >= this.#leaseMs) sent.delete(old)
    sent.set(round, nowMs)
  }

  /** An acceptor is bound. Returns false if its clock is known to run too fast. */
  onAnswer(from: ServerId, { clockMs, round }: HeartbeatAnswer, nowMs: number): boolean {
    const { answered, clocks, sent } = this.state
    const sentMs = sent.get(round)
    if (sentMs === undefined || clockMs === undefined) return true
    answered.set(from, Math.max(answered.get(from) ?? -Infinity, sentMs))
    const reading = { sentMs, clockMs }
    const before = clocks.get(from)
    // A clock that is behind what it was belongs to another process.
    if (before === undefined || clockMs < before.last.clockMs) {
      clocks.set(from, { first: reading, last: reading })
      return true
    }
    const { first, last } = before
    const isOld = nowMs - first.sentMs > COMPARED_LEASES * this.#leaseMs
    clocks.set(from, { first: isOld ? reading : first, last: reading })
    // Between two answers no more time can have passed here than since the earlier heartbeat left.
    return [first, last].every(
      (earlier) => (clockMs - earlier.clockMs) * (1 - CLOCK_MARGIN) <= nowMs - earlier.sentMs,
    )
  }

  /** The servers that are certainly still bound, the leader itself among them. */
  boundServers(self: ServerId, fastClocks: ServerSet, nowMs: number): ServerSet {
    let bound: ServerSet = [self]
    for (const [server, sentMs] of this.state.answered) {
      if (nowMs - sentMs < this.#leaseMs * (1 - CLOCK_MARGIN) && !fastClocks.includes(server))
        bound = withServer(bound, server)
    }
    return bound
  }
}
