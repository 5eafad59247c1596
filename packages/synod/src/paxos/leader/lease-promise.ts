import { type Ballot, ZERO_BALLOT, sameBallot } from '../ballot.js'

/**
 * It is kept in memory alone: an acceptor that starts is bound for the time of a lease, as it may
 * have been before.
 */
export interface LeasePromiseState {
  /** The leader that the promise was given to; zero for none. */
  ballot: Ballot
  untilMs: number
  /**
   * Until then no leader can release this acceptor: it may be bound to several, or to one that it
   * has forgotten.
   */
  firmMs: number
}

export function emptyLeasePromise(fromMs: number): LeasePromiseState {
  return { ballot: ZERO_BALLOT, untilMs: fromMs, firmMs: fromMs }
}

/**
 * The acceptor's side of a lease: while it is bound to a leader, it promises no ballot of another
 * server.
 */
export class LeasePromise {
  readonly state: LeasePromiseState
  readonly #leaseMs: number

  constructor(state: LeasePromiseState, leaseMs: number) {
    this.state = state
    this.#leaseMs = leaseMs
  }

  /** From then on this acceptor may promise any ballot. */
  get endMs(): number {
    return Math.max(this.state.untilMs, this.state.firmMs)
  }

  /** This acceptor is about to answer a heartbeat of the leader at `ballot`. */
  extend(ballot: Ballot, nowMs: number): void {
    const { state } = this
    if (this.#leaseMs === 0) return
    if (!sameBallot(ballot, state.ballot)) {
      state.firmMs = this.endMs
      state.ballot = ballot
    }
    state.untilMs = nowMs + this.#leaseMs
  }

  /**
   * Whether it may promise `ballot`. The leader at `over` has told that ballot's server to take
   * over, and ended its lease.
   */
  allows(ballot: Ballot, over: Ballot | undefined, nowMs: number): boolean {
    const { state } = this
    if (over !== undefined && sameBallot(over, state.ballot)) state.untilMs = state.firmMs
    return nowMs >= state.firmMs && (nowMs >= state.untilMs || sameBallot(ballot, state.ballot))
  }
}
