import { type Ballot, ZERO_BALLOT, sameBallot } from '../ballot.js'

/**
 * It is kept in memory alone: an acceptor that starts is bound for the time of a lease, as it may
 * have been before.
 */
export interface LeasePromiseState {
  /** The leader that the promise was given to; zero for none. */
  ballot: Ballot
  until_ms: number
  /**
   * Until then no leader can release this acceptor: it may be bound to several, or to one that it
   * has forgotten.
   */
  firm_ms: number
}

export function emptyLeasePromise(from_ms: number): LeasePromiseState {
  return { ballot: ZERO_BALLOT, until_ms: from_ms, firm_ms: from_ms }
}

/**
 * The acceptor's side of a lease: while it is bound to a leader, it promises no ballot of another
 * server.
 */
export class LeasePromise {
  readonly state: LeasePromiseState
  readonly #lease_ms: number

  constructor(state: LeasePromiseState, lease_ms: number) {
    this.state = state
    this.#lease_ms = lease_ms
  }

  /** From then on this acceptor may promise any ballot. */
  get end_ms(): number {
    return Math.max(this.state.until_ms, this.state.firm_ms)
  }

  /** This acceptor is about to answer a heartbeat of the leader at `ballot`. */
  extend(ballot: Ballot, now_ms: number): void {
    const { state } = this
    if (this.#lease_ms === 0) return
    if (!sameBallot(ballot, state.ballot)) {
      state.firm_ms = this.end_ms
      state.ballot = ballot
    }
    state.until_ms = now_ms + this.#lease_ms
  }

  /**
   * Whether it may promise `ballot`. The leader at `over` has told that ballot's server to take
   * over, and ended its lease.
   */
  allows(ballot: Ballot, over: Ballot | undefined, now_ms: number): boolean {
    const { state } = this
    if (over !== undefined && sameBallot(over, state.ballot)) state.until_ms = state.firm_ms
    return now_ms >= state.firm_ms && (now_ms >= state.until_ms || sameBallot(ballot, state.ballot))
  }
}
