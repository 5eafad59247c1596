import {
  type Ballot,
  type ServerId,
  type Slot,
  ZERO_BALLOT,
  ballotAbove,
  compareBallots,
  maxBallot,
  sameBallot,
} from '../ballot.js'
import type {
  Accepted,
  Heartbeat,
  HeartbeatAnswer,
  Nack,
  Probe,
  ProbeAnswer,
  PromiseMessage,
  Transfer,
} from '../messages.js'
import type { Context, PeerProgress, PendingQuorum, Proposal, Proposer } from '../proposer.js'
import { NO_SERVERS } from '../server-set.js'
import type { Value } from '../value.js'
import { Candidate, type CandidateState, newCandidate } from './candidate.js'
import { Follower, type FollowerState, newFollower } from './follower.js'
import { Leader, type LeaderState, newLeader } from './leader.js'
import { type RoleContext, type SharedState, type Transition, canLead, drawPatience } from './role.js'

export interface LeaderModeState extends SharedState {
  role: FollowerState | CandidateState | LeaderState
}

/** A server that has just started misses the leader from `fromMs` on. */
export function emptyLeaderMode(fromMs: number): LeaderModeState {
  return {
    role: { ...newFollower(ZERO_BALLOT, 0, 0), untilMs: fromMs },
    seen: ZERO_BALLOT,
    round: 0,
    stuck: false,
    fastClocks: NO_SERVERS,
  }
}

/**
 * Leader mode: gives each message to the role that this server has, and is the only place that
 * changes the role. A role asks for that with the `Transition` that its handler returns.
 */
export class LeaderMode implements Proposer {
  readonly state: LeaderModeState
  readonly #context: RoleContext
  #role: Follower | Candidate | Leader

  constructor(state: LeaderModeState, context: Context) {
    this.state = state
    this.#context = { ...context, shared: state }
    switch (state.role.name) {
      case 'follower':
        this.#role = new Follower(state.role, this.#context)
        break
      case 'candidate':
        this.#role = new Candidate(state.role, this.#context)
        break
      case 'leader':
        this.#role = new Leader(state.role, this.#context)
    }
  }

  get role() {
    return this.#role.name !== 'follower' || canLead(this.#context) ? this.#role.name : 'learner'
  }

  get ballot(): Ballot {
    return this.#role.state.ballot
  }

  get leader(): ServerId | undefined {
    return this.#role.leader
  }

  get reachesQuorum(): boolean {
    return this.leader !== undefined
  }

  get capacity(): number {
    return this.#role.capacity
  }

  get flights(): number {
    return this.#role.flights
  }

  get pendingQuorum(): PendingQuorum | undefined {
    const { membership } = this.#context
    return membership.isKnown ? this.#role.pendingQuorum(membership.current) : undefined
  }

  get deadlineMs(): number {
    return this.#role.deadlineMs
  }

  peerProgress(server: ServerId): PeerProgress | undefined {
    return this.#role.name === 'leader' ? this.#role.peerProgress(server) : undefined
  }

  /**
   * The slot to execute before a read that this server can answer alone; undefined where it has to
   * ask a quorum.
   */
  readableAlone(nowMs: number): Slot | undefined {
    return this.#role.name === 'leader' ? this.#role.readableAlone(nowMs) : undefined
  }

  // Inputs of the host

  propose(proposals: readonly Proposal[], nowMs: number): void {
    const values = proposals.map(({ value }) => value)
    if (this.#role.name === 'leader') this.#role.propose(values, nowMs)
    else if (this.#role.name === 'follower') this.#role.forward(values)
  }

  /** A value that was handed on cannot be taken back. A session executes it once at most. */
  withdraw(): void {
    // No proposal is kept by its id.
  }

  tick(nowMs: number): void {
    if (nowMs >= this.deadlineMs) this.#change(this.#role.tick(nowMs), nowMs)
  }

  transfer(to: ServerId, nowMs: number): void {
    if (this.#role.name === 'leader') this.#role.transfer(to, nowMs)
    else if (this.#role.name === 'follower') this.#role.transfer(to)
  }

  onPeerGone(peer: ServerId, nowMs: number): void {
    if (this.#role.name === 'follower') this.#role.onPeerGone(peer, nowMs)
  }

  /** Steps down: what this server proposes would rest on the disks of the others alone. */
  onDiskStuck(nowMs: number): void {
    this.state.stuck = true
    if (this.#role.name !== 'follower') this.#follow(ZERO_BALLOT, nowMs)
  }

  onDurable(): void {
    this.state.stuck = false
  }

  // Messages

  onForward(values: readonly Value[], nowMs: number): void {
    if (this.#role.name === 'leader') this.#role.propose(values, nowMs)
  }

  onPromise(from: ServerId, message: PromiseMessage, nowMs: number): void {
    if (this.#role.name === 'candidate') this.#role.onPromise(from, message, nowMs)
    else if (this.#role.name === 'leader') this.#role.onPromise(from, message)
  }

  onAccepted(from: ServerId, message: Accepted, nowMs: number): void {
    if (this.#role.name === 'leader') this.#change(this.#role.onAccepted(from, message, nowMs), nowMs)
  }

  onChosen(nowMs: number): void {
    if (this.#role.name !== 'follower') this.#change(this.#role.onChosen(nowMs), nowMs)
  }

  /** Preempted: follows, and waits before the next campaign. */
  onNack({ ballot, refused }: Nack, nowMs: number): void {
    this.#noteBallot(ballot)
    if (this.#role.name !== 'follower' && sameBallot(refused, this.ballot)) this.onHigherBallot(ballot, nowMs)
  }

  /** This server has promised `ballot` to a peer. Its own ballot is over if it is lower. */
  onHigherBallot(ballot: Ballot, nowMs: number): void {
    this.#noteBallot(ballot)
    if (compareBallots(ballot, this.ballot) > 0) this.#follow(ZERO_BALLOT, nowMs)
  }

  onPromised(ballot: Ballot, nowMs: number): void {
    this.onHigherBallot(ballot, nowMs)
  }

  onVoted(ballot: Ballot, _last: Slot, nowMs: number): void {
    if (compareBallots(ballot, this.ballot) >= 0) this.#onLeader(ballot, nowMs)
  }

  onHeartbeat(from: ServerId, message: Heartbeat, nowMs: number): void {
    const { acceptor, effects } = this.#context
    if (message.ballot.server !== from) return
    const ballot = maxBallot(acceptor.logBound, this.ballot)
    if (compareBallots(message.ballot, ballot) < 0)
      effects.send(from, { type: 'nack', refused: message.ballot, ballot, slot: 0 })
    else this.#onLeader(message.ballot, nowMs).onHeartbeat(from, message, nowMs)
  }

  onHeartbeatAnswer(from: ServerId, message: HeartbeatAnswer, nowMs: number): void {
    if (this.#role.name === 'leader') this.#role.onHeartbeatAnswer(from, message, nowMs)
  }

  onProbe(from: ServerId, { round }: Probe, nowMs: number): void {
    const { acceptor, effects, leasePromise, learner } = this.#context
    const missing = nowMs >= leasePromise.endMs && this.#role.missesLeader(nowMs)
    const ballot = maxBallot(this.state.seen, acceptor.logBound)
    effects.send(from, { type: 'probe-answer', round, missing, ballot, chosen: learner.state.chosen })
    if (missing && this.#role.name === 'follower') this.#role.yieldTo(from, nowMs)
  }

  onProbeAnswer(from: ServerId, message: ProbeAnswer, nowMs: number): void {
    this.#noteBallot(message.ballot)
    if (this.#role.name === 'follower') this.#change(this.#role.onProbeAnswer(from, message), nowMs)
  }

  /** From a follower it is a request; from the leader it tells this server to take over. */
  onTransfer(from: ServerId, { ballot, to }: Transfer, nowMs: number): void {
    if (!sameBallot(ballot, this.ballot)) return
    if (this.#role.name === 'leader') this.#role.transfer(to, nowMs)
    else if (this.#role.name === 'follower') this.#change(this.#role.onTransfer(from), nowMs)
  }

  /** A peer has dropped the slots up to `slot`. */
  onTrimmed(slot: Slot, nowMs: number): void {
    if (this.#role.name === 'candidate') this.#change(this.#role.onTrimmed(slot), nowMs)
  }

  // Changes of the role

  #change(transition: Transition | undefined, nowMs: number): void {
    if (transition === undefined) return
    switch (transition.to) {
      case 'follower':
        this.#follow(ZERO_BALLOT, nowMs)
        break
      case 'candidate':
        this.#campaign(transition.over, nowMs)
        break
      case 'leader':
        this.#lead(transition, nowMs)
    }
  }

  /** The leader at `ballot` is up: follows it, if this server does not yet. */
  #onLeader(ballot: Ballot, nowMs: number): Follower {
    if (this.#role.name !== 'follower' || !sameBallot(this.ballot, ballot)) return this.#follow(ballot, nowMs)
    this.#role.onLeader(nowMs)
    return this.#role
  }

  /** Follows the leader at `ballot`, or none (zero) until this server hears from one. */
  #follow(ballot: Ballot, nowMs: number): Follower {
    this.#noteBallot(ballot)
    const follower = new Follower(newFollower(ballot, drawPatience(this.#context), nowMs), this.#context)
    this.#take(follower)
    return follower
  }

  /** Stays a follower where a lease of another leader forbids a higher ballot. */
  #campaign(over: Ballot | undefined, nowMs: number): void {
    const { acceptor, config, leasePromise } = this.#context
    const ballot = ballotAbove(maxBallot(this.state.seen, acceptor.logBound), config.self)
    if (!leasePromise.allows(ballot, over, nowMs)) return
    this.#noteBallot(ballot)
    const candidate = new Candidate(newCandidate(ballot, over, this.#context, nowMs), this.#context)
    this.#take(candidate)
    candidate.start(nowMs)
  }

  #lead({ ballot, phase1 }: Transition & { to: 'leader' }, nowMs: number): void {
    const leader = new Leader(newLeader(ballot, phase1, this.#context, nowMs), this.#context)
    this.#take(leader)
    this.#change(leader.start(nowMs), nowMs)
  }

  #take(role: Follower | Candidate | Leader): void {
    this.#role = role
    this.state.role = role.state
  }

  #noteBallot(ballot: Ballot): void {
    this.state.seen = maxBallot(this.state.seen, ballot)
  }
}
