import type { LeaderHint } from '../net/client/messages.js'
import type { Mode } from '../paxos/config.js'
import type { ServerId } from '../paxos/ballot.js'
import type { Paxos } from '../paxos/paxos.js'

/** Which server clients are told to ask. */
export class Leadership {
  readonly #self: ServerId
  readonly #mode: Mode
  readonly #paxos: Paxos
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

  /** Returns whether another server leads than before, or the same one anew. */
  refresh(): boolean {
    const { ballot, leader = 0, reachesQuorum } = this.#paxos
    const server = this.#mode === 'leader' ? leader : reachesQuorum ? this.#self : 0
    const before = this.#hint
    if (server === before.server && ballot === before.ballot) return false
    this.#hint = { type: 'leader', ballot, server }
    return server !== before.server || ballot.seq !== before.ballot.seq
  }
}
