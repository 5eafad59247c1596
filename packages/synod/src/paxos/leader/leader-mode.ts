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
import type { Context, Heard, PendingQuorum, Proposal, Proposer } from '../proposer.js'
import { NO_SERVERS } from '../server-set.js'
import type { Value } from '../value.js'
import { Candidate, type CandidateState, newCandidate } from './candidate.js'
import { Follower, type FollowerState, newFollower } from './follower.js'
import { Leader, type LeaderState, newLeader } from './leader.js'
import { type RoleContext, type SharedState, type Transition, canLead, drawPatience } from './role.js'

export interface LeaderModeState extends SharedState {
  role: FollowerState | CandidateState | LeaderState
}

/** A server that has just started misses the leader from `from_ms` on. */
export function emptyLeaderMode(from_ms: number): LeaderModeState {
  return {
    role: { ...newFollower(ZERO_BALLOT, 0, 0), until_ms: from_ms },
    seen: ZERO_BALLOT,
    round: 0,
    stuck: false,
    unsound: NO_SERVERS,
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

  get pendingQuorum(): PendingQuorum | undefined {
    const { membership } = this.#context
    return membership.isKnown ? this.#role.pendingQuorum(membership.current) : undefined
  }

  get deadline_ms(): number {
    return this.#role.deadline_ms
  }

  heardOf(server: ServerId): Heard | undefined {
    return this.#role.name === 'leader' ? this.#role.heardOf(server) : undefined
  }

  /**
   * The slot to execute before a read that this server can answer alone; undefined where it has to
   * ask a quorum.
   */
  readableAlone(now_ms: number): Slot | undefined {
    return this.#role.name === 'leader' ? this.#role.readableAlone(now_ms) : undefined
  }

  // Inputs of the host

  propose(proposals: readonly Proposal[], now_ms: number): void {
    const values = proposals.map(({ value }) => value)
    if (this.#role.name === 'leader') this.#role.propose(values, now_ms)
    else if (this.#role.name === 'follower') this.#role.forward(values)
  }

  /** A value that was handed on cannot be taken back. A session executes it once at most. */
  withdraw(): void {
    // No proposal is kept by its id.
  }

  tick(now_ms: number): void {
    if (now_ms >= this.deadline_ms) this.#change(this.#role.tick(now_ms), now_ms)
  }

  transfer(to: ServerId, now_ms: number): void {
    if (this.#role.name === 'leader') this.#role.transfer(to, now_ms)
    else if (this.#role.name === 'follower') this.#role.transfer(to)
  }

  /** The process of this peer is known to be gone. */
  onPeerGone(peer: ServerId, now_ms: number): void {
    if (this.#role.name === 'follower') this.#role.onPeerGone(peer, now_ms)
  }

  /** Steps down: what this server proposes would rest on the disks of the others alone. */
  onDiskStuck(now_ms: number): void {
    this.state.stuck = true
    if (this.#role.name !== 'follower') this.#follow(ZERO_BALLOT, now_ms)
  }

  onDurable(): void {
    this.state.stuck = false
  }

  // Messages

  onForward(values: readonly Value[], now_ms: number): void {
    if (this.#role.name === 'leader') this.#role.propose(values, now_ms)
  }

  onPromise(from: ServerId, message: PromiseMessage, now_ms: number): void {
    if (this.#role.name === 'candidate') this.#role.onPromise(from, message, now_ms)
    else if (this.#role.name === 'leader') this.#role.onPromise(from, message)
  }

  onAccepted(from: ServerId, message: Accepted, now_ms: number): void {
    if (this.#role.name === 'leader') this.#change(this.#role.onAccepted(from, message, now_ms), now_ms)
  }

  onChosen(now_ms: number): void {
    if (this.#role.name !== 'follower') this.#change(this.#role.onChosen(now_ms), now_ms)
  }

  /** Preempted: follows, and waits before the next campaign. */
  onNack({ ballot, refused }: Nack, now_ms: number): void {
    this.#noteBallot(ballot)
    if (this.#role.name !== 'follower' && sameBallot(refused, this.ballot))
      this.onHigherBallot(ballot, now_ms)
  }

  /** This server has promised `ballot` to a peer. Its own ballot is over if it is lower. */
  onHigherBallot(ballot: Ballot, now_ms: number): void {
    this.#noteBallot(ballot)
    if (compareBallots(ballot, this.ballot) > 0) this.#follow(ZERO_BALLOT, now_ms)
  }

  onVoted(ballot: Ballot, _last: Slot, now_ms: number): void {
    if (compareBallots(ballot, this.ballot) >= 0) this.#onLeader(ballot, now_ms)
  }

  onHeartbeat(from: ServerId, message: Heartbeat, now_ms: number): void {
    const { acceptor, effects } = this.#context
    if (message.ballot.server !== from) return
    const ballot = maxBallot(acceptor.logBound, this.ballot)
    if (compareBallots(message.ballot, ballot) < 0)
      effects.send(from, { type: 'nack', refused: message.ballot, ballot, slot: 0 })
    else this.#onLeader(message.ballot, now_ms).onHeartbeat(from, message, now_ms)
  }

  onHeartbeatAnswer(from: ServerId, message: HeartbeatAnswer, now_ms: number): void {
    if (this.#role.name === 'leader') this.#role.onHeartbeatAnswer(from, message, now_ms)
  }

  onProbe(from: ServerId, { round }: Probe, now_ms: number): void {
    const { acceptor, effects, leasePromise, learner } = this.#context
    const missing = now_ms >= leasePromise.end_ms && this.#role.missesLeader(now_ms)
    const ballot = maxBallot(this.state.seen, acceptor.logBound)
    effects.send(from, { type: 'probe-answer', round, missing, ballot, chosen: learner.state.chosen })
    if (missing && this.#role.name === 'follower') this.#role.yieldTo(from, now_ms)
  }

  onProbeAnswer(from: ServerId, message: ProbeAnswer, now_ms: number): void {
    this.#noteBallot(message.ballot)
    if (this.#role.name === 'follower') this.#change(this.#role.onProbeAnswer(from, message), now_ms)
  }

  /** From a follower it is a request; from the leader it tells this server to take over. */
  onTransfer(from: ServerId, { ballot, to }: Transfer, now_ms: number): void {
    if (!sameBallot(ballot, this.ballot)) return
    if (this.#role.name === 'leader') this.#role.transfer(to, now_ms)
    else if (this.#role.name === 'follower') this.#change(this.#role.onTransfer(from), now_ms)
  }

  /** A peer has dropped the slots up to `slot`. */
  onTrimmed(slot: Slot, now_ms: number): void {
    if (this.#role.name === 'candidate') this.#change(this.#role.onTrimmed(slot), now_ms)
  }

  // Changes of the role

  #change(transition: Transition | undefined, now_ms: number): void {
    if (transition === undefined) return
    switch (transition.to) {
      case 'follower':
        this.#follow(ZERO_BALLOT, now_ms)
        break
      case 'candidate':
        this.#campaign(transition.over, now_ms)
        break
      case 'leader':
        this.#lead(transition, now_ms)
    }
  }

  /** The leader at `ballot` is up: follows it, if this server does not yet. */
  #onLeader(ballot: Ballot, now_ms: number): Follower {
    if (this.#role.name !== 'follower' || !sameBallot(this.ballot, ballot))
      return this.#follow(ballot, now_ms)
    this.#role.onLeader(now_ms)
    return this.#role
  }

  /** Follows the leader at `ballot`, or none (zero) until this server hears from one. */
  #follow(ballot: Ballot, now_ms: number): Follower {
    this.#noteBallot(ballot)
    const follower = new Follower(newFollower(ballot, drawPatience(this.#context), now_ms), this.#context)
    this.#take(follower)
    return follower
  }

  /** Stays a follower where a lease of another leader forbids a higher ballot. */
  #campaign(over: Ballot | undefined, now_ms: number): void {
    const { acceptor, config, leasePromise } = this.#context
    const ballot = ballotAbove(maxBallot(this.state.seen, acceptor.logBound), config.self)
    if (!leasePromise.allows(ballot, over, now_ms)) return
    this.#noteBallot(ballot)
    const candidate = new Candidate(newCandidate(ballot, over, this.#context, now_ms), this.#context)
    this.#take(candidate)
    candidate.start(now_ms)
  }

  #lead({ ballot, phase1 }: Transition & { to: 'leader' }, now_ms: number): void {
    const leader = new Leader(newLeader(ballot, phase1, this.#context, now_ms), this.#context)
    this.#take(leader)
    this.#change(leader.start(now_ms), now_ms)
  }

  #take(role: Follower | Candidate | Leader): void {
    this.#role = role
    this.state.role = role.state
  }

  #noteBallot(ballot: Ballot): void {
    this.state.seen = maxBallot(this.state.seen, ballot)
  }
}
