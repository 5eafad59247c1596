import { type Ballot, type ServerId, type Slot, ZERO_BALLOT, sameBallot } from '../ballot.js'
import type { HeartbeatAnswer } from '../messages.js'
import { type ServerSet, withServer } from '../server-set.js'

/*
 * A leader with a lease answers linearizable reads alone. Whoever answers a heartbeat is bound from when it heard it: for the time of a
 * lease, by its own clock, it promises nothing to anyone but this leader. The leader counts from when that heartbeat went out,
 * which was before, and to less than that. So while it has the answers of a quorum of phase 2, no quorum of phase 1 is
 * to be had for a higher ballot, as the two would share a server. (Gray and Cheriton: Leases, SOSP 1989; docs/reads.md has the proof.)
 */

/** What is taken for granted of clocks: while the leader's goes on by 1 - CLOCK_MARGIN, that of no other server goes on by more than 1. */
export const CLOCK_MARGIN = 0.2

/** In leases: over so much time, and from each answer to the next, clocks are compared. */
const COMPARED = 4

/** An acceptor's side of the leases. It is kept in memory alone: whoever starts is bound, as it may have been before. */
export interface BondState {
  /** The leader that is bound to, if there is one. */
  ballot: Ballot
  until_ms: number
  /** Until then no leader can let it go: it may be bound to several, or to one that it has forgotten. */
  firm_ms: number
}

export function emptyBond(from_ms: number): BondState {
  return { ballot: ZERO_BALLOT, until_ms: from_ms, firm_ms: from_ms }
}

export class Bond {
  readonly state: BondState
  readonly #lease_ms: number

  constructor(state: BondState, lease_ms: number) {
    this.state = state
    this.#lease_ms = lease_ms
  }

  /** From then on it may promise anything. */
  get end_ms(): number {
    return Math.max(this.state.until_ms, this.state.firm_ms)
  }

  /** It is about to answer a heartbeat of the leader at `ballot`. */
  bind(ballot: Ballot, now_ms: number): void {
    const { state } = this
    if (this.#lease_ms === 0) return
    if (!sameBallot(ballot, state.ballot)) {
      state.firm_ms = this.end_ms
      state.ballot = ballot
    }
    state.until_ms = now_ms + this.#lease_ms
  }

  /** Whether it may promise `ballot`, which takes over from the leader at `over`. That one has given up its lease for good. */
  allows(ballot: Ballot, over: Ballot | undefined, now_ms: number): boolean {
    const { state } = this
    if (over !== undefined && sameBallot(over, state.ballot)) state.until_ms = state.firm_ms
    return now_ms >= state.firm_ms && (now_ms >= state.until_ms || sameBallot(ballot, state.ballot))
  }
}

/** An answer of an acceptor: what its clock said when it answered the heartbeat that went out at `sent_ms`. */
interface Reading {
  readonly sent_ms: number
  readonly clock_ms: number
}

/** A leader's side of its lease. */
export interface LeaseState {
  /** The lease is given up for good: another server has been told to take over. */
  isOver: boolean
  /** All that may have been chosen before this server led is in the slots up to this one. */
  inherited: Slot
  /** When the heartbeats went out, by round, as far as an answer can still count. */
  readonly sent: Map<number, number>
  /** By acceptor, when the latest heartbeat went out of those that it has answered. */
  readonly answered: Map<ServerId, number>
  /** With what their clocks are compared: the first answer in some time, and the latest. */
  readonly clocks: Map<ServerId, { first: Reading; last: Reading }>
}

export function emptyLease(inherited: Slot): LeaseState {
  return { isOver: false, inherited, sent: new Map(), answered: new Map(), clocks: new Map() }
}

/** The heartbeats of this round go out now. */
export function beginRound({ sent }: LeaseState, lease_ms: number, round: number, now_ms: number): void {
  for (const [old, sent_ms] of sent) if (now_ms - sent_ms >= lease_ms) sent.delete(old)
  sent.set(round, now_ms)
}

/** An acceptor is bound. Answers whether its clock is sound as far as it can be told, which is false only if it is not. */
export function hearAnswer(
  { answered, clocks, sent }: LeaseState,
  lease_ms: number,
  from: ServerId,
  { clock_ms, round }: HeartbeatAnswer,
  now_ms: number,
): boolean {
  const sent_ms = sent.get(round)
  if (sent_ms === undefined || clock_ms === undefined) return true
  answered.set(from, Math.max(answered.get(from) ?? -Infinity, sent_ms))
  const reading = { sent_ms, clock_ms }
  const before = clocks.get(from)
  // A clock that is behind what it was is that of another process.
  if (before === undefined || clock_ms < before.last.clock_ms) {
    clocks.set(from, { first: reading, last: reading })
    return true
  }
  const { first, last } = before
  clocks.set(from, { first: now_ms - first.sent_ms > COMPARED * lease_ms ? reading : first, last: reading })
  // Between the two answers no more time can have passed here than since the first heartbeat went out.
  return [first, last].every(
    (earlier) => (clock_ms - earlier.clock_ms) * (1 - CLOCK_MARGIN) <= now_ms - earlier.sent_ms,
  )
}

/** Who is sure to be bound still, the leader itself included. */
export function boundTo(
  { answered }: LeaseState,
  lease_ms: number,
  self: ServerId,
  unsound: ServerSet,
  now_ms: number,
): ServerSet {
  let bound: ServerSet = [self]
  for (const [server, sent_ms] of answered) {
    if (now_ms - sent_ms < lease_ms * (1 - CLOCK_MARGIN) && !unsound.includes(server))
      bound = withServer(bound, server)
  }
  return bound
}
