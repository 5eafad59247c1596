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

/** An answer of an acceptor: its clock when it answered the heartbeat that left at `sent_ms`. */
interface Reading {
  readonly sent_ms: number
  readonly clock_ms: number
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
 * phase 1: docs/reads.md has the proof. (Gray and Cheriton: Leases, SOSP 1989.)
 */
export class Lease {
  readonly state: LeaseState
  readonly #lease_ms: number

  constructor(state: LeaseState, lease_ms: number) {
    this.state = state
    this.#lease_ms = lease_ms
  }

  /** The heartbeats of this round leave now. */
  beginRound(round: number, now_ms: number): void {
    const { sent } = this.state
    for (const [old, sent_ms] of sent) if (now_ms - sent_ms >= this.#lease_ms) sent.delete(old)
    sent.set(round, now_ms)
  }

  /** An acceptor is bound. Returns false if its clock is known to run too fast. */
  onAnswer(from: ServerId, { clock_ms, round }: HeartbeatAnswer, now_ms: number): boolean {
    const { answered, clocks, sent } = this.state
    const sent_ms = sent.get(round)
    if (sent_ms === undefined || clock_ms === undefined) return true
    answered.set(from, Math.max(answered.get(from) ?? -Infinity, sent_ms))
    const reading = { sent_ms, clock_ms }
    const before = clocks.get(from)
    // A clock that is behind what it was belongs to another process.
    if (before === undefined || clock_ms < before.last.clock_ms) {
      clocks.set(from, { first: reading, last: reading })
      return true
    }
    const { first, last } = before
    const isOld = now_ms - first.sent_ms > COMPARED_LEASES * this.#lease_ms
    clocks.set(from, { first: isOld ? reading : first, last: reading })
    // Between two answers no more time can have passed here than since the earlier heartbeat left.
    return [first, last].every(
      (earlier) => (clock_ms - earlier.clock_ms) * (1 - CLOCK_MARGIN) <= now_ms - earlier.sent_ms,
    )
  }

  /** The servers that are certainly still bound, the leader itself among them. */
  boundServers(self: ServerId, unsound: ServerSet, now_ms: number): ServerSet {
    let bound: ServerSet = [self]
    for (const [server, sent_ms] of this.state.answered) {
      if (now_ms - sent_ms < this.#lease_ms * (1 - CLOCK_MARGIN) && !unsound.includes(server))
        bound = withServer(bound, server)
    }
    return bound
  }
}
