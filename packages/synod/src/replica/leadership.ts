import type { LeaderHint } from '../net/client/messages.js'
import { type Ballot, type ServerId, ZERO_BALLOT, sameBallot } from '../paxos/ballot.js'
import type { Mode } from '../paxos/config.js'
import type { Paxos } from '../paxos/paxos.js'
import { fenceOf } from './fence.js'

/** Which server leads, as far as this replica knows. */
export interface CurrentLeadership {
  /** Undefined while it knows of none; then ballot and fence are zero. */
  readonly leader: ServerId | undefined
  readonly ballot: Ballot
  /** The ballot as one safe integer: a later leadership has a higher one. */
  readonly fence: number
  readonly isSelf: boolean
}

const NONE: CurrentLeadership = { leader: undefined, ballot: ZERO_BALLOT, fence: 0, isSelf: false }

/** Which server clients are told to ask. */
export class Leadership {
  readonly #self: ServerId
  readonly #mode: Mode
  readonly #paxos: Paxos
  #current = NONE
  #hint: LeaderHint = { type: 'leader', ballot: { seq: 0, server: 0 }, server: 0 }

  constructor(self: ServerId, mode: Mode, paxos: Paxos) {
    this.#self = self
    this.#mode = mode
    this.#paxos = paxos
  }

  /**
   * The leader and its ballot; in leaderless mode this server while it reaches a quorum. Server 0
   * where there is none.
   */
  get hint(): LeaderHint {
    return this.#hint
  }

  /** The newest leadership, in leader mode: another object for each. */
  get current(): CurrentLeadership {
    return this.#current
  }

  /** Returns whether another server leads than before, or the same one anew. */
  refresh(): boolean {
    const { ballot, leader = 0, reachesQuorum } = this.#paxos
    const server = this.#mode === 'leader' ? leader : reachesQuorum ? this.#self : 0
    const before = this.#hint
    if (server === before.server && ballot === before.ballot) return false
    this.#hint = { type: 'leader', ballot, server }
    if (this.#mode === 'leader') this.#note(server, ballot)
    return server !== before.server || ballot.seq !== before.ballot.seq
  }

  #note(server: ServerId, ballot: Ballot): void {
    const { leader = 0, ballot: before } = this.#current
    if (server === leader && (server === 0 || sameBallot(ballot, before))) return
    this.#current =
      server === 0 ? NONE : { leader: server, ballot, fence: fenceOf(ballot), isSelf: server === this.#self }
  }
}
