import { type Ballot, type ServerId, type Slot, sameBallot } from '../ballot.js'
import { splitForMessages } from '../batches.js'
import { MAX_FLIGHT_BYTES, MAX_QUEUED } from '../config.js'
import { type Configuration, isPhase2Quorum, votersIn } from '../configuration.js'
import type { Accepted, HeartbeatAnswer, PromiseMessage } from '../messages.js'
import type { PeerProgress, PendingQuorum } from '../proposer.js'
import { NO_SERVERS, type ServerSet, withServer } from '../server-set.js'
import { NO_OP, type Value } from '../value.js'
import { Lease, type LeaseState, emptyLease } from './lease.js'
import { Phase1, type Phase1State } from './phase-1.js'
import { type LeaderModeRole, type RoleContext, type Transition, canLead } from './role.js'

/** An accept under way: consecutive slots that are voted on together. */
export interface Flight {
  readonly first: Slot
  readonly last: Slot
  readonly values: readonly Value[]
  readonly sizeBytes: number
  votes: ServerSet
  sentMs: number
}

export interface LeaderState {
  readonly name: 'leader'
  readonly ballot: Ballot
  phase1: Phase1State
  /** The next slot that has never been proposed in at this ballot. */
  next: Slot
  /** The slots up to this one have to be decided, with no-ops if there is nothing else. */
  fill: Slot
  /** By first slot. None spans two configurations. */
  readonly flights: Map<Slot, Flight>
  /** Of all flights. */
  flightBytes: number
  /** Proposals that wait for a slot within the window. */
  queue: Value[]
  /** When each peer last showed that it follows. */
  readonly contact: Map<ServerId, number>
  /** The chosen watermark that each follower last reported. */
  readonly progress: Map<ServerId, Slot>
  /** The number of the last heartbeat. */
  round: number
  heartbeatMs: number
  /** Null where there are no leases. */
  readonly lease: LeaseState | null
}

/** The slots up to the highest reported vote have to be decided; new proposals go above. */
export function newLeader(
  ballot: Ballot,
  phase1: Phase1State,
  { config, log, membership }: RoleContext,
  nowMs: number,
): LeaderState {
  let last = log.state.voted
  for (const slot of phase1.votes.keys()) last = Math.max(last, slot)
  return {
    name: 'leader',
    ballot,
    phase1,
    next: phase1.first,
    fill: last,
    flights: new Map(),
    flightBytes: 0,
    queue: [],
    contact: new Map(membership.servers.map((server) => [server, nowMs])),
    progress: new Map(),
    round: 0,
    heartbeatMs: nowMs,
    lease: config.leaseMs > 0 ? emptyLease(last) : null,
  }
}

/**
 * The distinguished proposer: adopts the votes of phase 1, fills holes with no-ops, and then runs
 * phase 2 alone, for many slots at a time. (Lamport: Paxos Made Simple, section 3.)
 */
export class Leader implements LeaderModeRole {
  readonly name = 'leader'
  readonly state: LeaderState
  readonly #context: RoleContext
  readonly #phase1: Phase1
  readonly #lease: Lease | undefined

  constructor(state: LeaderState, context: RoleContext) {
    this.state = state
    this.#context = context
    this.#phase1 = new Phase1(state.phase1, state.ballot, context)
    this.#lease = state.lease === null ? undefined : new Lease(state.lease, context.config.leaseMs)
  }

  get leader(): ServerId {
    return this.#context.config.self
  }

  get capacity(): number {
    return this.state.flightBytes >= MAX_FLIGHT_BYTES ? 0 : MAX_QUEUED - this.state.queue.length
  }

  get flights(): number {
    return this.state.flights.size
  }

  get deadlineMs(): number {
    return this.state.heartbeatMs
  }

  pendingQuorum(current: Configuration): PendingQuorum | undefined {
    const { flights, phase1 } = this.state
    const { quorums } = current
    const slot = this.#context.learner.state.chosen + 1
    for (const { first, last, votes } of flights.values()) {
      if (first <= slot && slot <= last)
        return { step: 'accept', slot, heard: votersIn(current, votes), needed: quorums.phase2 }
    }
    if (this.#phase1.hasQuorum(current)) return undefined
    return { step: 'prepare', slot, heard: votersIn(current, phase1.from), needed: quorums.phase1 }
  }

  missesLeader(): boolean {
    return false
  }

  /** What a follower last reported; undefined where it has not answered yet. */
  peerProgress(server: ServerId): PeerProgress | undefined {
    const [atMs, chosen] = [this.state.contact.get(server), this.state.progress.get(server)]
    return atMs === undefined || chosen === undefined ? undefined : { atMs, chosen }
  }

  start(nowMs: number): Transition | undefined {
    const transition = this.#advance(nowMs)
    this.#heartbeat(nowMs)
    return transition
  }

  /** A leader that no quorum answers must not keep the followers quiet. */
  tick(nowMs: number): Transition | undefined {
    if (nowMs >= this.#reachedUntilMs()) return { to: 'follower' }
    this.#heartbeat(nowMs)
    return undefined
  }

  onPromise(from: ServerId, message: PromiseMessage): void {
    if (!this.#phase1.onPromise(from, message) || this.#lease === undefined) return
    const { state } = this.#lease
    for (const { slot } of message.votes) state.inherited = Math.max(state.inherited, slot)
  }

  /** More slots may be known to be chosen, or more promises. */
  onChosen(nowMs: number): Transition | undefined {
    this.#phase1.askNewVoters(nowMs)
    return this.#advance(nowMs)
  }

  // Phase 2

  propose(values: readonly Value[], nowMs: number): void {
    for (const value of values) this.state.queue.push(value)
    this.#proposeNext(nowMs)
  }

  onAccepted(from: ServerId, message: Accepted, nowMs: number): Transition | undefined {
    const { effects, learner, membership } = this.#context
    const { ballot, contact, flights } = this.state
    if (!sameBallot(message.ballot, ballot)) return undefined
    contact.set(from, nowMs)
    const flight = flights.get(message.first)
    if (flight?.last !== message.last) return undefined
    flight.votes = withServer(flight.votes, from)
    const { first, last, votes } = flight
    if (!isPhase2Quorum(membership.at(first), votes)) return undefined
    this.#land(flight)
    learner.chooseVotes(ballot, first, last)
    effects.broadcast({ type: 'chosen', ballot, first, last })
    return this.onChosen(nowMs)
  }

  /**
   * Slots may be chosen without this leader's accept: a peer or a snapshot says so. Acceptors that
   * have dropped such slots do not vote in them, so the slots above are proposed anew. A leader
   * that votes no more transfers its leadership.
   */
  #advance(nowMs: number): Transition | undefined {
    const { learner, membership } = this.#context
    const { state } = this
    const { chosen } = learner.state
    if (!canLead(this.#context)) {
      this.transfer(0, nowMs)
      return { to: 'follower' }
    }
    for (const flight of state.flights.values()) {
      const { first, last, values } = flight
      if (first > chosen) continue
      this.#land(flight)
      if (last > chosen) this.#proposeBatch(chosen + 1, values.slice(chosen + 1 - first), nowMs)
    }
    state.next = Math.max(state.next, chosen + 1)
    // Where the voters are about to change, the slots before that have to be decided.
    state.fill = Math.max(state.fill, membership.latest.first - 1)
    this.#proposeNext(nowMs)
    return undefined
  }

  /**
   * Phase 2a for the next slots, as far as there is anything to propose: no further than the
   * window, and only where a quorum of the slot's own configuration has promised.
   */
  #proposeNext(nowMs: number): void {
    const { config, learner, log, membership } = this.#context
    const { state } = this
    const { fill, phase1, queue } = state
    const end = learner.state.chosen + config.window
    let configuration = membership.current
    let values: Value[] = []
    let taken = 0
    let slot = state.next
    for (; slot <= end; slot++) {
      const before = configuration
      configuration = membership.at(slot)
      if (values.length > 0 && (configuration !== before || log.isChosen(slot))) {
        this.#propose(slot - values.length, values, nowMs)
        values = []
      }
      if (log.isChosen(slot)) continue
      if (!this.#mayPropose(configuration)) break
      const vote = phase1.votes.get(slot)
      if (vote !== undefined) values.push(vote.value)
      else if (taken < queue.length) values.push(queue[taken++] ?? NO_OP)
      else if (slot <= fill) values.push(NO_OP)
      else break
    }
    state.next = slot
    for (const reported of phase1.votes.keys()) if (reported < slot) phase1.votes.delete(reported)
    if (taken > 0) state.queue = queue.slice(taken)
    this.#propose(slot - values.length, values, nowMs)
  }

  #mayPropose(configuration: Configuration): boolean {
    return configuration.voters.includes(this.#context.config.self) && this.#phase1.hasQuorum(configuration)
  }

  #propose(first: Slot, values: readonly Value[], nowMs: number): void {
    let next = first
    for (const batch of splitForMessages(values)) {
      this.#proposeBatch(next, batch, nowMs)
      next += batch.length
    }
  }

  /** One accept: it goes to the peers at once, and to the own journal at the same time. */
  #proposeBatch(first: Slot, values: readonly Value[], nowMs: number): void {
    const { acceptor, answerSelf, effects } = this.#context
    const { ballot, flights } = this.state
    const own = acceptor.vote(ballot, first, values)
    // Without its own vote it proposes nothing: it has promised a higher ballot, and leads no more.
    if (own === undefined) return
    const sizeBytes = values.reduce((sum, { length }) => sum + length, 0)
    this.state.flightBytes += sizeBytes
    flights.set(first, { first, last: own.last, values, sizeBytes, votes: NO_SERVERS, sentMs: nowMs })
    effects.broadcast({ type: 'accept', ballot, first, values })
    answerSelf(own)
  }

  #land({ first, sizeBytes }: Flight): void {
    this.state.flights.delete(first)
    this.state.flightBytes -= sizeBytes
  }

  // Heartbeats

  #heartbeat(nowMs: number): void {
    const { config, effects, learner, log } = this.#context
    const { state } = this
    const { ballot } = state
    // Not after the moment at which this server has lost the quorum: then it leads no more.
    state.heartbeatMs = Math.min(nowMs + config.heartbeatMs, this.#reachedUntilMs())
    state.round++
    this.#lease?.beginRound(state.round, nowMs)
    const { chosen } = learner.state
    effects.broadcast({ type: 'heartbeat', ballot, round: state.round, chosen, voted: log.state.voted })
    if (!this.#phase1.isComplete) this.#phase1.prepareAgain(nowMs)
    this.#resend(nowMs)
  }

  #resend(nowMs: number): void {
    const { config, effects, membership } = this.#context
    const { ballot, flights } = this.state
    for (const flight of flights.values()) {
      if (nowMs - flight.sentMs < config.resendMs) continue
      flight.sentMs = nowMs
      const { first, values, votes } = flight
      for (const peer of membership.servers) {
        if (peer !== config.self && !votes.includes(peer))
          effects.send(peer, { type: 'accept', ballot, first, values })
      }
    }
  }

  onHeartbeatAnswer(from: ServerId, message: HeartbeatAnswer, nowMs: number): void {
    const { shared } = this.#context
    const { state } = this
    if (!sameBallot(message.ballot, state.ballot)) return
    state.contact.set(from, nowMs)
    state.progress.set(from, message.chosen)
    if (this.#lease?.onAnswer(from, message, nowMs) === false)
      shared.fastClocks = withServer(shared.fastClocks, from)
    // A vote above all slots proposed here was cast for an older leader and never chosen. A read
    // may wait for that slot, so it is filled now, before a client has something to write.
    if (message.voted <= state.fill) return
    state.fill = message.voted
    this.#proposeNext(nowMs)
  }

  /** Until when this server has a quorum, if no follower shows any more that it follows. */
  #reachedUntilMs(): number {
    const { config, membership } = this.#context
    let reached = withServer(NO_SERVERS, config.self)
    let untilMs = Infinity
    for (const [server, contactMs] of [...this.state.contact].sort(([, a], [, b]) => b - a)) {
      if (isPhase2Quorum(membership.current, reached)) return untilMs
      reached = withServer(reached, server)
      untilMs = contactMs + config.electionTimeoutMs
    }
    return isPhase2Quorum(membership.current, reached) ? untilMs : -Infinity
  }

  // Transfer and lease

  /**
   * Tells `to` to take over, or where it is 0 the voter that has come furthest. This server leads
   * on until the prepare arrives: the new leader hears of what is voted for until then.
   */
  transfer(to: ServerId, nowMs: number): void {
    const { config, effects, membership } = this.#context
    const { ballot, contact, progress } = this.state
    if (!membership.isKnown) return
    let [best, furthest] = [to, -1]
    for (const [server, chosen] of progress) {
      const isUp = nowMs - (contact.get(server) ?? -Infinity) < config.electionTimeoutMs
      const isVoter = membership.latest.voters.includes(server)
      if (to !== 0 || !isUp || !isVoter || chosen <= furthest) continue
      best = server
      furthest = chosen
    }
    if (best === 0 || best === config.self) return
    if (this.#lease !== undefined) this.#lease.state.isOver = true
    effects.send(best, { type: 'transfer', ballot, to: best })
  }

  /**
   * The slot to execute before a read, where the lease holds. What was acknowledged was chosen at
   * this ballot, and this leader knew first, or before it, and phase 1 reported it: all of that is
   * up to the chosen watermark, once it is past `inherited`.
   */
  readableAlone(nowMs: number): Slot | undefined {
    const { config, learner, membership, shared } = this.#context
    if (this.#lease === undefined || this.#lease.state.isOver) return undefined
    const { chosen } = learner.state
    if (!membership.isKnown || chosen < this.#lease.state.inherited || !this.#phase1.isComplete)
      return undefined
    // A rival needs a quorum of the configuration of its first slot, which may be any of those
    // known.
    const bound = this.#lease.boundServers(config.self, shared.fastClocks, nowMs)
    const { configurations } = membership.state
    return configurations.every((configuration) => isPhase2Quorum(configuration, bound)) ? chosen : undefined
  }
}
