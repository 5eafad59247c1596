import {
  type Ballot,
  type ServerId,
  type Slot,
  compareBallots,
  formatBallot,
  maxBallot,
  ZERO_BALLOT,
} from './ballot.js'
import type { Message } from './messages.js'
import type { PaxosConfig } from './config.js'
import { type Configuration, isPhase1Quorum, isPhase2Quorum } from './configuration.js'
import { type Change, Membership } from './membership.js'
import { NO_SERVERS, type ServerSet, withServer, withoutServer } from './server-set.js'
import type { JournalRecord } from './records.js'
import { type Value, isNoOp, sameValue } from './value.js'

/** Something that the protocol rules out has happened. To continue would make it worse. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/** The watermarks of one replica: the slots up to which each holds. */
export interface Watermarks {
  readonly snapshotted: Slot
  readonly executed: Slot
  readonly chosen: Slot
  readonly voted: Slot
}

/** snapshotted ≤ executed ≤ chosen ≤ voted. */
export function checkWatermarks(watermarks: Watermarks): void {
  const { snapshotted, executed, chosen, voted } = watermarks
  require(snapshotted <= executed && executed <= chosen && chosen <= voted, () =>
    `watermarks out of order: snapshotted ${snapshotted}, executed ${executed}, chosen ${chosen}, voted ${voted}`)
}

/** What one server executed agrees with what another executed, as far as both have come. */
export function checkPrefixes(a: readonly Value[], b: readonly Value[]): void {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [left, right] = [a[i], b[i]]
    require(left !== undefined && right !== undefined && sameValue(left, right), () =>
      `slot ${i + 1} was executed with different values`)
  }
}

interface VoteHistory {
  readonly ballot: Ballot
  readonly value: Value
  voters: ServerSet
}

interface SlotHistory {
  /** Durable votes: by ballot, the value and its voters. */
  readonly votes: Map<string, VoteHistory>
  /**
   * The votes at the lowest ballot at which a quorum has voted, whether a server knows it or not.
   */
  decided: VoteHistory | undefined
  /** The value that some server takes to be chosen. */
  chosen: Value | undefined
  /** By server, the ballot that binds it in this slot alone. */
  readonly bounds: Map<ServerId, Ballot>
}

/**
 * All that a cluster has made durable, and the invariants that hold of it. A check feeds it the
 * records of each server as they become durable, and what each server takes to be chosen. It throws
 * an InvariantError for a violation.
 */
export class ClusterHistory {
  readonly #membership: Membership
  readonly #changeOf: (value: Value) => Change | undefined
  /** By slot, where it has been asked for: the membership forgets configurations that are over. */
  readonly #configurations = new Map<Slot, Configuration>()
  readonly #window: number
  readonly #slots = new Map<Slot, SlotHistory>()
  readonly #promised = new Map<ServerId, Ballot>()
  /** By ballot, the servers that have promised it for all slots. */
  readonly #promisers = new Map<string, ServerSet>()
  /** By ballot, the last slot that was decided at it. */
  readonly #decided = new Map<string, { readonly ballot: Ballot; slot: Slot }>()

  /** The cluster was founded with this membership, and its servers have this window. */
  constructor({ changeOf, membership, window }: Pick<PaxosConfig, 'changeOf' | 'membership' | 'window'>) {
    this.#membership = new Membership(structuredClone(membership), window)
    this.#changeOf = changeOf
    this.#window = window
  }

  /** A record of `server` is durable. */
  durable(server: ServerId, record: JournalRecord): void {
    switch (record.type) {
      case 'promise':
        this.#promise(server, record.scope === 'log' ? 0 : record.slot, record.ballot)
        break
      case 'vote':
        for (const [offset, value] of record.values.entries()) {
          this.#vote(server, record.first + offset, record.ballot, value)
        }
        break
      case 'chosen':
      case 'decided':
      case 'trim':
        break
    }
  }

  /**
   * A message has left `server`: what it reports is durable. For a prepare that is the server's own
   * promise, so that it never begins the same ballot twice.
   */
  sent(server: ServerId, message: Message): void {
    if (message.type === 'prepare' || message.type === 'promise') {
      const { ballot, scope, slot, type } = message
      const bound = scope === 'log' ? (this.#promised.get(server) ?? ZERO_BALLOT) : this.#bound(server, slot)
      require(compareBallots(ballot, bound) <= 0, () =>
        `a ${type} at ${formatBallot(ballot)} left s${server}, whose durable promise is ${formatBallot(bound)}`)
    } else if (message.type === 'accepted') {
      const key = formatBallot(message.ballot)
      for (let slot = message.first; slot <= message.last; slot++) {
        const voters = this.#slots.get(slot)?.votes.get(key)?.voters ?? NO_SERVERS
        require(voters.includes(server), () =>
          `s${server} reported a vote at ${key} in slot ${slot} that is not durable`)
      }
    } else if (message.type === 'accept') {
      this.#checkProposal(server, message.ballot, message.first, message.first + message.values.length - 1)
    } else if (message.type === 'chosen') {
      const { ballot, first, last } = message
      for (let slot = first; slot <= last; slot++) this.chosenAt(server, slot, ballot)
    }
  }

  /**
   * `server` says that the value voted for at `ballot` is chosen in `slot`. At a higher ballot it
   * would be the same value, but a learner must not rely on the theorem.
   */
  chosenAt(server: ServerId, slot: Slot, ballot: Ballot): void {
    const key = formatBallot(ballot)
    const voters = this.#slots.get(slot)?.votes.get(key)?.voters ?? NO_SERVERS
    require(isPhase2Quorum(this.#configuration(slot), voters), () =>
      `s${server} says that slot ${slot} is chosen at ${key}, where no quorum has voted`)
  }

  /** The last slot that was decided at a ballot below this one, or at any: 0 if none was. */
  lastDecided(below?: Ballot): Slot {
    let last = 0
    for (const { ballot, slot } of this.#decided.values())
      if (slot > last && (below === undefined || compareBallots(ballot, below) < 0)) last = slot
    return last
  }

  /** Whether a quorum of this configuration has promised `ballot` for all slots. */
  isElected(ballot: Ballot, configuration: Configuration): boolean {
    return isPhase1Quorum(configuration, this.#promisers.get(formatBallot(ballot)) ?? NO_SERVERS)
  }

  /** The disk of a server that does not vote yet is lost, and what it has promised with it. */
  forget(server: ServerId): void {
    this.#promised.delete(server)
    for (const [key, servers] of this.#promisers) this.#promisers.set(key, withoutServer(servers, server))
    for (const { bounds, votes } of this.#slots.values()) {
      bounds.delete(server)
      for (const vote of votes.values()) vote.voters = withoutServer(vote.voters, server)
    }
  }

  /** Phase 2 begins in a slot when a quorum of the slot's own configuration has promised. */
  #checkProposal(server: ServerId, ballot: Ballot, first: Slot, last: Slot): void {
    // Where each slot has its own phase 1, there are no promises for all slots.
    if (!this.#promisers.has(formatBallot(ballot))) return
    for (let slot = first; slot <= last && this.knowsConfiguration(slot); slot++) {
      require(this.isElected(ballot, this.#configuration(slot)), () =>
        `s${server} proposes in slot ${slot} at ${formatBallot(ballot)}, which no quorum has promised`)
    }
  }

  /** Whether the configuration of this slot is known. */
  knowsConfiguration(slot: Slot): boolean {
    return this.#configurations.has(slot) || slot <= this.#membership.state.slot + this.#window
  }

  /** `server` takes `value` to be chosen in `slot`. */
  chosen(server: ServerId, slot: Slot, value: Value): void {
    const history = this.#slot(slot)
    const before = history.chosen
    if (before !== undefined) {
      require(sameValue(before, value), () =>
        `s${server} sees another value chosen in slot ${slot} than was chosen before`)
      return
    }
    const configuration = this.#configuration(slot)
    const quorum = [...history.votes.values()].some(
      (vote) => sameValue(vote.value, value) && isPhase2Quorum(configuration, vote.voters),
    )
    const what = isNoOp(value) ? 'a no-op' : 'a value'
    require(quorum, () =>
      `s${server} takes ${what} to be chosen in slot ${slot} that no quorum voted for at one ballot`)
    history.chosen = value
    this.#applyChosen()
  }

  /** Applies the chosen prefix to the membership. */
  #applyChosen(): void {
    for (;;) {
      const slot = this.#membership.state.slot + 1
      const value = this.#slots.get(slot)?.chosen
      if (value === undefined) return
      this.#configuration(slot)
      this.#membership.apply(slot, this.#changeOf(value))
    }
  }

  /** The configuration that decides a slot. */
  #configuration(slot: Slot): Configuration {
    let configuration = this.#configurations.get(slot)
    if (configuration === undefined) {
      require(this.knowsConfiguration(slot), () =>
        `slot ${slot} is taken to be chosen while its configuration is not known yet`)
      configuration = this.#membership.at(slot)
      this.#configurations.set(slot, configuration)
    }
    return configuration
  }

  /** Promises never go down. Slot 0 stands for every slot. */
  #promise(server: ServerId, slot: Slot, ballot: Ballot): void {
    const before = this.#bound(server, slot)
    require(compareBallots(ballot, before) >= 0, () =>
      `s${server} promised ${formatBallot(ballot)} after ${formatBallot(before)}`)
    if (slot === 0) {
      this.#promised.set(server, ballot)
      const key = formatBallot(ballot)
      this.#promisers.set(key, withServer(this.#promisers.get(key) ?? NO_SERVERS, server))
    } else this.#slot(slot).bounds.set(server, ballot)
  }

  /** A vote is never at a ballot below the promise, and a ballot has one value in a slot. */
  #vote(server: ServerId, slot: Slot, ballot: Ballot, value: Value): void {
    const bound = this.#bound(server, slot)
    require(compareBallots(ballot, bound) >= 0, () =>
      `s${server} voted at ${formatBallot(ballot)} in slot ${slot} after promising ${formatBallot(bound)}`)
    const history = this.#slot(slot)
    history.bounds.set(server, ballot)
    const key = formatBallot(ballot)
    const vote = history.votes.get(key) ?? { ballot, value, voters: NO_SERVERS }
    require(sameValue(vote.value, value), () => `two values at ballot ${key} in slot ${slot}`)
    vote.voters = withServer(vote.voters, server)
    history.votes.set(key, vote)
    this.#decide(slot, history, vote)
  }

  /** Where a quorum has voted at one ballot, no server votes for another value at a higher one. */
  #decide(slot: Slot, history: SlotHistory, vote: VoteHistory): void {
    const { ballot, voters } = vote
    const isLower = history.decided === undefined || compareBallots(ballot, history.decided.ballot) < 0
    if (isLower && this.knowsConfiguration(slot) && isPhase2Quorum(this.#configuration(slot), voters)) {
      history.decided = vote
      const key = formatBallot(ballot)
      const before = this.#decided.get(key)
      if (before === undefined) this.#decided.set(key, { ballot, slot })
      else before.slot = Math.max(before.slot, slot)
    }
    const { decided } = history
    if (decided === undefined) return
    const later = decided === vote ? [...history.votes.values()] : [vote]
    for (const other of later) {
      const isAbove = compareBallots(other.ballot, decided.ballot) > 0
      require(!isAbove || sameValue(other.value, decided.value), () =>
        `slot ${slot} was decided at ${formatBallot(decided.ballot)}, and another value got a vote at ${formatBallot(other.ballot)}`)
    }
  }

  #bound(server: ServerId, slot: Slot): Ballot {
    const own = this.#slots.get(slot)?.bounds.get(server) ?? ZERO_BALLOT
    return maxBallot(own, this.#promised.get(server) ?? ZERO_BALLOT)
  }

  #slot(slot: Slot): SlotHistory {
    let history = this.#slots.get(slot)
    if (history === undefined) {
      history = { votes: new Map(), decided: undefined, chosen: undefined, bounds: new Map() }
      this.#slots.set(slot, history)
    }
    return history
  }
}

function require(holds: boolean, message: () => string): asserts holds {
  if (!holds) throw new InvariantError(message())
}
