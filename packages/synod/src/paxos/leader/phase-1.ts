import { type Ballot, type ServerId, type Slot, compareBallots, sameBallot } from '../ballot.js'
import { type Configuration, isPhase1Quorum } from '../configuration.js'
import type { Prepare, PromiseMessage, ReportedVote } from '../messages.js'
import type { Context } from '../proposer.js'
import { NO_SERVERS, type ServerSet, unionOf, withServer, withoutServer } from '../server-set.js'

/** Phase 1 for all slots. It continues while its server leads, as servers become voters later. */
export interface Phase1State {
  /** The first slot whose outcome this server did not know when it began. */
  readonly first: Slot
  /** The servers that have promised the ballot in all slots, and reported all votes that matter. */
  from: ServerSet
  /**
   * The servers that have been asked for a promise: the voters of every configuration known so far.
   */
  voters: ServerSet
  /** From which slot on a server has yet to report its votes; `first` if it is not listed. */
  readonly next: Map<ServerId, Slot>
  /** The reported vote at the highest ballot in each slot. */
  readonly votes: Map<Slot, ReportedVote>
  /** Where there are leases: the ballot of the leader that told this server to take over. */
  readonly predecessor?: Ballot
  resendMs: number
}

export function emptyPhase1(first: Slot, voters: ServerSet, predecessor: Ballot | undefined): Phase1State {
  return {
    first,
    from: NO_SERVERS,
    voters,
    next: new Map(),
    votes: new Map(),
    ...(predecessor === undefined ? {} : { predecessor }),
    resendMs: 0,
  }
}

/** Asks the voters for promises at one ballot, and adopts the votes that they report. */
export class Phase1 {
  readonly state: Phase1State
  readonly #ballot: Ballot
  readonly #context: Context

  constructor(state: Phase1State, ballot: Ballot, context: Context) {
    this.state = state
    this.#ballot = ballot
    this.#context = context
  }

  /**
   * The own promise comes first: from then on this server cannot vote for an older leader, so the
   * votes that it reads are its last ones below this ballot.
   */
  start(nowMs: number): void {
    this.#promiseSelf(this.state.first)
    this.#prepare(nowMs)
  }

  /** Asks the servers again that have not promised. */
  prepareAgain(nowMs: number): void {
    if (nowMs >= this.state.resendMs) this.#prepare(nowMs)
  }

  /** Whether a quorum of this configuration has promised. */
  hasQuorum(configuration: Configuration): boolean {
    return isPhase1Quorum(configuration, this.state.from)
  }

  /** Whether a quorum of every known configuration has promised. */
  get isComplete(): boolean {
    const { configurations } = this.#context.membership.state
    return configurations.every((configuration) => this.hasQuorum(configuration))
  }

  /** Returns whether the promise counts. The caller then asks whether there is a quorum. */
  onPromise(from: ServerId, message: PromiseMessage): boolean {
    const { config, effects, learner } = this.#context
    const { state } = this
    if (!sameBallot(message.ballot, this.#ballot) || message.scope !== 'log') return false
    if (message.slot !== (state.next.get(from) ?? state.first) || this.isComplete) return false
    for (const vote of message.votes) {
      if (vote.chosen) learner.chooseValues(vote.slot, [vote.value])
      this.#adopt(vote)
    }
    if (message.next > message.slot) {
      state.next.set(from, message.next)
      if (from === config.self) this.#promiseSelf(message.next)
      else effects.send(from, this.#prepareFrom(message.next))
    } else {
      state.from = withServer(state.from, from)
    }
    return true
  }

  /**
   * Asks servers that have become voters for a promise, in the slots in which they vote. An earlier
   * promise does not count: the server was not an acceptor of the cluster then, and may have had
   * another disk.
   */
  askNewVoters(nowMs: number): void {
    const { membership } = this.#context
    const { state } = this
    const added = membership.voters.filter((server) => !state.voters.includes(server))
    if (added.length === 0) return
    state.voters = unionOf([state.voters, added])
    for (const server of added) {
      state.from = withoutServer(state.from, server)
      state.next.set(server, Math.max(state.first, membership.firstSlotOf(server)))
    }
    this.#prepare(nowMs)
  }

  #promiseSelf(slot: Slot): void {
    const promise = this.#context.acceptor.promise(this.#ballot, 'log', slot)
    if (promise !== undefined) this.#context.answerSelf(promise)
  }

  /**
   * A prepare leaves only once the own promise is durable. Otherwise this server could forget the
   * ballot in a crash, and use it again with other values.
   */
  #prepare(nowMs: number): void {
    const { config, effects, learner } = this.#context
    const { state } = this
    state.resendMs = nowMs + config.resendMs
    for (const peer of state.voters) {
      if (peer === config.self || state.from.includes(peer)) continue
      // Slots that are known to be chosen by now need no votes, and the peer may have dropped them.
      const slot = Math.max(state.next.get(peer) ?? state.first, learner.state.chosen + 1)
      state.next.set(peer, slot)
      effects.sendAfterDurable(peer, this.#prepareFrom(slot))
    }
  }

  #prepareFrom(slot: Slot): Prepare {
    const { predecessor } = this.state
    const ballot = this.#ballot
    return {
      type: 'prepare',
      ballot,
      scope: 'log',
      slot,
      ...(predecessor === undefined ? {} : { predecessor }),
    }
  }

  #adopt(vote: ReportedVote): void {
    const { votes } = this.state
    const highest = votes.get(vote.slot)
    if (highest === undefined || compareBallots(vote.ballot, highest.ballot) > 0) votes.set(vote.slot, vote)
  }
}
