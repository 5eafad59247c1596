import type { Ballot, ServerId } from 'synod/internal/paxos/ballot.js'
import { compareBallots, formatBallot, sameBallot } from 'synod/internal/paxos/ballot.js'
import { isPhase2Quorum } from 'synod/internal/paxos/configuration.js'
import { type ClusterHistory, InvariantError } from 'synod/internal/paxos/invariants.js'
import type { Message } from 'synod/internal/paxos/messages.js'
import type { ClusterServer } from './cluster-server.js'

/** Whom a server is bound to, as it has said itself, and until when by the clock of the cluster. */
interface Bound {
  readonly ballot: Ballot
  readonly untilMs: number
}

/**
 * Reads along what servers say of leases. A server that has answered a heartbeat keeps to it for
 * the time of a lease, even if its process ends; and a leader answers alone only while enough
 * servers are sure to keep to theirs.
 */
export class LeaseWatch {
  readonly #history: ClusterHistory
  readonly #bound = new Map<ServerId, Bound[]>()
  /** The ballots whose leaders have told another server to take over. */
  #released: Ballot[] = []

  constructor(history: ClusterHistory) {
    this.#history = history
  }

  /** A message has left this server. Throws an InvariantError. */
  sent({ config: { leaseMs }, id, rate }: ClusterServer, message: Message, nowMs: number): void {
    if (leaseMs === 0) return
    const { type } = message
    if (type === 'heartbeat-answer') this.#bind(id, message.ballot, ((message.clockMs ?? 0) + leaseMs) / rate)
    else if (type === 'transfer' && message.ballot.server === id) this.#released.push(message.ballot)
    else if (type === 'promise' && message.scope === 'log')
      this.#keeps(id, `promises ${formatBallot(message.ballot)}`, message.ballot, nowMs)
    else if (type === 'probe-answer' && message.missing)
      this.#keeps(id, 'says that it misses its leader', undefined, nowMs)
  }

  /** This server holds a lease now. Throws an InvariantError. */
  holds({ id, paxos }: ClusterServer, nowMs: number): void {
    const { ballot } = paxos
    const isBound = (server: ServerId) =>
      server === id || this.#of(server, nowMs).some((bound) => sameBallot(bound.ballot, ballot))
    const what = `s${id} takes itself for the holder of a lease at ${formatBallot(ballot)}`
    const isReleased = this.#released.some((released) => sameBallot(released, ballot))
    require(!isReleased, `${what}, and has told another one to take over`)
    for (const configuration of paxos.membership.state.configurations) {
      const voters = configuration.voters.join(', ')
      require(isPhase2Quorum(
        configuration,
        configuration.voters.filter(isBound),
      ), `${what}, and too few of ${voters} are bound to it`)
      require(this.#history.isElected(
        ballot,
        configuration,
      ), `${what}, which no quorum of ${voters} has promised`)
    }
    const decided = this.#history.lastDecided(ballot)
    require(decided <=
      paxos.chosen, `${what}, and does not know yet what slot ${decided} was decided on before it led`)
  }

  #bind(id: ServerId, ballot: Ballot, untilMs: number): void {
    const others = (this.#bound.get(id) ?? []).filter((bound) => !sameBallot(bound.ballot, ballot))
    this.#bound.set(id, [...others, { ballot, untilMs }])
  }

  #keeps(id: ServerId, what: string, ballot: Ballot | undefined, nowMs: number): void {
    for (const bound of this.#of(id, nowMs)) {
      const isOwn = ballot !== undefined && compareBallots(ballot, bound.ballot) <= 0
      const isReleased = this.#released.some((released) => sameBallot(released, bound.ballot))
      require(isOwn || isReleased, `s${id} ${what} while it is bound to ${formatBallot(bound.ballot)}`)
    }
  }

  /** The servers that this one is bound to still. */
  #of(id: ServerId, nowMs: number): readonly Bound[] {
    // What it promises at the very end may be a rounding error early.
    return (this.#bound.get(id) ?? []).filter(({ untilMs }) => untilMs - nowMs > 1e-6)
  }
}

function require(holds: boolean, message: string): void {
  if (!holds) throw new InvariantError(message)
}
