import { MIN_AVERAGE_MS, averageWith } from '../average.js'
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
import { splitForMessages } from '../batches.js'
import { isPhase1Quorum, isPhase2Quorum, votersIn } from '../configuration.js'
import type { Accepted, Heartbeat, Nack, PromiseMessage } from '../messages.js'
import type { Context, PeerProgress, PendingQuorum, Proposal, Proposer } from '../proposer.js'
import { randomBetween } from '../random.js'
import { NO_SERVERS, withServer } from '../server-set.js'
import { NO_OP, type Value, sameValue } from '../value.js'
import {
  type ContentionState,
  drawBackoff,
  idleAtMs,
  noteWinner,
  proposeAtMs,
  raiseFor,
} from './contention.js'
import { type Instance, Instances, type InstancesState, newInstance } from './instances.js'
import { Presence, type PresenceState } from './presence.js'
import { type QueuedRequest, RequestQueue, type RequestQueueState } from './request-queue.js'
import { WorkableSlots } from './workable-slots.js'

/** A slot that no server seems to work on is taken up after between one and two of these. */
const HOLE_PATIENCE_MS = 50

export interface LeaderlessState extends RequestQueueState, InstancesState, PresenceState, ContentionState {
  /** The highest slot that any server is known to have voted in. */
  voted: Slot
  /** The chosen watermark when it last moved. */
  watermark: Slot
  /** When to fill the hole above it. */
  holeMs: number
}

export function emptyLeaderless(nowMs: number): LeaderlessState {
  return {
    requests: new Map(),
    waiting: new Set(),
    instances: new Map(),
    dueMs: Infinity,
    nextForwarded: -1,
    requestMs: MIN_AVERAGE_MS,
    phaseMs: MIN_AVERAGE_MS,
    favourite: 0,
    challenger: 0,
    promisedMs: nowMs,
    voted: 0,
    watermark: 0,
    movedMs: -Infinity,
    holeMs: nowMs,
    heartbeatMs: nowMs,
    heard: new Map(),
    reachesQuorum: false,
  }
}

/**
 * Leaderless mode: for each request a server runs both phases of single-decree Paxos in an empty
 * slot. A request that loses its slot moves on to the next. All servers may do so at once: being
 * preempted is normal, and answered with a random back-off. The favourite, which goes first, runs
 * phase 1 in the next slots before there is a request for them: phase 1 needs no value.
 */
export class LeaderlessMode implements Proposer {
  readonly leader = undefined
  readonly ballot = ZERO_BALLOT
  readonly state: LeaderlessState
  readonly #context: Context
  readonly #requests: RequestQueue
  readonly #instances: Instances
  readonly #slots: WorkableSlots
  readonly #presence: Presence

  constructor(state: LeaderlessState, context: Context) {
    this.state = state
    this.#context = context
    this.#requests = new RequestQueue(state, context.random)
    this.#instances = new Instances(state, context.log)
    this.#slots = new WorkableSlots(context, this.#instances)
    this.#presence = new Presence(state, context)
  }

  get role() {
    return this.#votes ? 'proposer' : 'learner'
  }

  get flights(): number {
    return this.#instances.proposing
  }

  get #votes(): boolean {
    const { config, membership } = this.#context
    return config.voting && membership.isVoter(config.self)
  }

  get reachesQuorum(): boolean {
    return this.state.reachesQuorum
  }

  get capacity(): number {
    return this.#context.config.voting ? this.#requests.capacity : Infinity
  }

  get pendingQuorum(): PendingQuorum | undefined {
    const { learner, membership } = this.#context
    const instance = this.#instances.get(learner.state.chosen + 1)
    if (instance === undefined || instance.step === 'waiting' || instance.step === 'ready') return undefined
    const { answered, slot, step } = instance
    const { current } = membership
    const { phase1, phase2 } = current.quorums
    const needed = step === 'prepare' ? phase1 : phase2
    return { step, slot, heard: votersIn(current, answered), needed }
  }

  get deadlineMs(): number {
    const { dueMs, heartbeatMs, holeMs } = this.state
    if (!this.#votes) return heartbeatMs
    const deadlineMs = Math.min(heartbeatMs, holeMs, dueMs)
    const { next } = this.#requests
    if (next === undefined) return deadlineMs
    const turnMs = this.#turnOf(next)
    if (this.#findSlot(-Infinity) !== undefined) return Math.min(deadlineMs, turnMs)
    const idleMs = idleAtMs(this.state)
    return this.#findSlot(idleMs) === undefined ? deadlineMs : Math.min(deadlineMs, Math.max(turnMs, idleMs))
  }

  peerProgress(server: ServerId): PeerProgress | undefined {
    return this.#presence.peerProgress(server)
  }

  /**
   * A server that does not vote forwards its clients' requests to the others; so does one whose
   * disk is full (`elsewhere`).
   */
  propose(proposals: readonly Proposal[], nowMs: number, elsewhere = false): void {
    if (!this.#votes || elsewhere) {
      const values = proposals.map(({ value }) => value)
      for (const batch of splitForMessages(values))
        this.#context.effects.broadcast({ type: 'forward', values: batch })
      return
    }
    for (const { id, value } of proposals) this.#requests.add(id, value, nowMs)
    this.#place(nowMs)
  }

  /** From a server that does not vote, for its clients. */
  onForward(values: readonly Value[], nowMs: number): void {
    if (!this.#votes) return
    const proposals = values.map((value) => ({ id: this.#requests.nextForwardedId(), value }))
    this.propose(proposals, nowMs)
  }

  withdraw(id: number, nowMs: number): void {
    const request = this.#requests.get(id)
    if (request === undefined) return
    const instance = this.#instances.get(request.slot)
    if (instance !== undefined) instance.request = 0
    this.#requests.end(request, nowMs)
  }

  tick(nowMs: number): void {
    this.#presence.tick(nowMs)
    if (!this.#votes) return
    for (const instance of this.#instances.takeDue(nowMs)) {
      if (instance.step === 'waiting') this.#prepare(instance, nowMs)
      else this.#resend(instance, nowMs)
    }
    if (nowMs >= this.state.holeMs) this.#fillHoles(nowMs)
    this.#place(nowMs)
  }

  // Which slots to work on

  /**
   * Proposes the requests that wait for a slot, in order of arrival, as far as the window allows.
   */
  #place(nowMs: number): void {
    for (;;) {
      const request = this.#requests.next
      if (request === undefined || nowMs < this.#turnOf(request)) return
      if (!this.#propose(request, nowMs)) {
        if (this.state.holeMs === Infinity) this.#watchHole(nowMs)
        return
      }
      this.#prepareAhead(nowMs)
    }
  }

  /** The first slot that is empty, or prepared here for a request to come. */
  #findSlot(nowMs: number): Slot | undefined {
    const [prepared] = this.#instances.preparedAbove(this.state.voted)
    const empty = this.#slots.findEmpty(nowMs >= idleAtMs(this.state))
    if (prepared === undefined || empty === undefined) return prepared?.slot ?? empty
    return Math.min(prepared.slot, empty)
  }

  /** Proposes a request in the first such slot. Returns whether there is one. */
  #propose(request: QueuedRequest, nowMs: number): boolean {
    const slot = this.#findSlot(nowMs)
    if (slot === undefined) return false
    const prepared = this.#instances.get(slot)
    if (prepared === undefined) {
      this.#begin(request, slot, nowMs)
      return true
    }
    this.#requests.assign(request, slot, nowMs)
    prepared.request = request.id
    if (prepared.step === 'ready') this.#accept(prepared, nowMs)
    return true
  }

  /** The favourite prepares slots for requests to come. */
  #prepareAhead(nowMs: number): void {
    const { preparedSlots, self } = this.#context.config
    if (this.state.favourite !== self) return
    for (let count = this.#instances.preparedAbove(this.state.voted).length; count < preparedSlots; count++) {
      const slot = this.#slots.findEmpty(nowMs >= idleAtMs(this.state))
      if (slot === undefined) return
      this.#start(slot, 0, nowMs)
    }
  }

  /** A vote above makes each slot that is ready a hole: it is decided now. */
  #decideReady(nowMs: number): void {
    for (const instance of this.#instances.readyUpTo(this.state.voted))
      if (instance.step === 'ready') this.#accept(instance, nowMs)
  }

  #begin(request: QueuedRequest, slot: Slot, nowMs: number): void {
    this.#requests.assign(request, slot, nowMs)
    this.#start(slot, request.id, nowMs)
  }

  #turnOf(request: QueuedRequest): number {
    return proposeAtMs(request, this.state, this.#context.config.self)
  }

  /**
   * Another value won the slot of this request: it moves on to the first empty one, or waits for
   * the window to advance.
   */
  #proposeAgain(request: QueuedRequest, nowMs: number): void {
    this.#requests.lose(request)
    this.#propose(request, nowMs)
  }

  /**
   * The chosen prefix has stood still for a while below a vote: runs an instance in each open slot
   * up to there, which finishes what another server began or decides a no-op. Where the whole
   * window is in use, a waiting request takes the first open slot.
   */
  #fillHoles(nowMs: number): void {
    const request = this.#findSlot(nowMs) === undefined ? this.#requests.next : undefined
    for (const slot of this.#slots.open()) {
      if (slot <= this.state.voted) this.#start(slot, 0, nowMs)
      else if (request?.slot === 0) this.#begin(request, slot, nowMs)
      else break
    }
    this.#watchHole(nowMs)
  }

  #watchHole(nowMs: number): void {
    const { learner, log, membership, random } = this.#context
    const { state } = this
    const { chosen } = learner.state
    if (chosen > state.watermark) state.movedMs = nowMs
    for (let slot = Math.max(state.watermark, chosen - 2) + 1; slot <= chosen; slot++) {
      const { ballot } = log.find(slot) ?? {}
      if (ballot !== undefined && ballot.seq > 0) noteWinner(state, ballot.server)
    }
    state.watermark = chosen
    // Where the voters are about to change, the slots before that have to be decided.
    const change = membership.isKnown ? membership.latest.first - 1 : 0
    state.voted = Math.max(state.voted, log.state.voted, change)
    const isFull = state.waiting.size > 0 && this.#findSlot(nowMs) === undefined
    state.holeMs =
      state.voted > state.watermark || isFull
        ? nowMs + randomBetween(random, HOLE_PATIENCE_MS, 2 * HOLE_PATIENCE_MS)
        : Infinity
    this.#decideReady(nowMs)
  }

  // Phase 1

  #start(slot: Slot, request: number, nowMs: number): void {
    const instance = newInstance(slot, request, nowMs)
    this.#instances.begin(instance)
    this.#prepare(instance, nowMs)
  }

  /**
   * The prepare leaves only once the own promise is durable, so that no ballot is used twice after
   * a restart.
   */
  #prepare(instance: Instance, nowMs: number): void {
    const { acceptor, answerSelf, config, effects } = this.#context
    const { slot } = instance
    const { seq } = maxBallot(instance.seen, acceptor.bound(slot))
    const raised = raiseFor(this.#requests.get(instance.request)?.lost ?? 0)
    const ballot = ballotAbove({ seq: seq + raised, server: 0 }, config.self)
    instance.step = 'prepare'
    instance.ballot = ballot
    instance.answered = NO_SERVERS
    instance.vote = null
    instance.sinceMs = nowMs
    this.#instances.wait(instance, nowMs + config.resendMs)
    const own = acceptor.promise(ballot, 'slot', slot)
    if (own !== undefined) answerSelf(own)
    effects.broadcastAfterDurable({ type: 'prepare', ballot, scope: 'slot', slot })
  }

  onPromise(from: ServerId, message: PromiseMessage, nowMs: number): void {
    const { learner, membership } = this.#context
    const instance = this.#instances.get(message.slot)
    if (instance?.step !== 'prepare' || !sameBallot(message.ballot, instance.ballot)) return
    for (const vote of message.votes) {
      if (vote.slot !== instance.slot) return
      if (vote.chosen) {
        learner.chooseValues(vote.slot, [vote.value])
        return
      }
      if (instance.vote === null || compareBallots(vote.ballot, instance.vote.ballot) > 0)
        instance.vote = vote
    }
    instance.answered = withServer(instance.answered, from)
    if (!isPhase1Quorum(membership.at(instance.slot), instance.answered)) return
    this.state.phaseMs = averageWith(this.state.phaseMs, nowMs - instance.sinceMs)
    this.#accept(instance, nowMs)
  }

  // Phase 2

  /** Proposes the vote at the highest ballot, if there is one; otherwise its own request. */
  #accept(instance: Instance, nowMs: number): void {
    const { acceptor, answerSelf, config, effects } = this.#context
    const { ballot, slot, vote } = instance
    const request = this.#requests.get(instance.request)
    instance.step = 'accept'
    if (vote !== null) {
      instance.value = vote.value
      if (request !== undefined && !sameValue(request.value, vote.value)) {
        instance.request = 0
        this.#proposeAgain(request, nowMs)
      }
    } else if (request !== undefined) {
      instance.value = request.value
    } else if (slot > this.state.voted) {
      // There is no request, and no vote above makes this slot a hole: nothing needs to be decided.
      if (this.state.favourite === config.self) instance.step = 'ready'
      else this.#instances.end(slot)
      this.#instances.wait(instance, Infinity)
      return
    } else {
      instance.value = NO_OP
    }
    instance.answered = NO_SERVERS
    this.#instances.wait(instance, nowMs + config.resendMs)
    const own = acceptor.vote(ballot, slot, [instance.value])
    if (own === undefined) {
      this.#backOff(instance, acceptor.bound(slot), nowMs)
      return
    }
    this.#onVote(slot, nowMs)
    effects.broadcast({ type: 'accept', ballot, first: slot, values: [instance.value] })
    answerSelf(own)
    this.#place(nowMs)
  }

  onAccepted(from: ServerId, message: Accepted, nowMs: number): void {
    const { effects, learner, membership } = this.#context
    const { ballot, first: slot } = message
    const instance = this.#instances.get(slot)
    if (instance?.step !== 'accept' || message.last !== slot || !sameBallot(ballot, instance.ballot)) return
    instance.answered = withServer(instance.answered, from)
    if (!isPhase2Quorum(membership.at(slot), instance.answered)) return
    effects.broadcast({ type: 'chosen', ballot, first: slot, last: slot })
    learner.chooseVotes(ballot, slot, slot)
    if (!this.#context.log.isChosen(slot)) learner.chooseValues(slot, [instance.value])
    this.onChosen(nowMs)
  }

  /** Ends the instances of decided slots. A request that lost its slot moves on to another. */
  onChosen(nowMs: number): void {
    const { learner, log } = this.#context
    for (const instance of this.#instances.takeDecided()) {
      const request = this.#requests.get(instance.request)
      if (request === undefined) continue
      // The value of a slot that has been dropped is not known: the request may have won there, or
      // not.
      const chosen = log.chosen(instance.slot)
      if (chosen !== undefined && sameValue(request.value, chosen)) this.withdraw(request.id, nowMs)
      else this.#proposeAgain(request, nowMs)
    }
    if (learner.state.chosen !== this.state.watermark) {
      this.#watchHole(nowMs)
      this.#prepareAhead(nowMs)
    }
    this.#place(nowMs)
  }

  // Contention and loss

  onNack(message: Nack, nowMs: number): void {
    const instance = this.#instances.get(message.slot)
    if (instance === undefined || instance.step === 'waiting') return
    if (sameBallot(message.refused, instance.ballot)) this.#backOff(instance, message.ballot, nowMs)
  }

  #backOff(instance: Instance, seen: Ballot, nowMs: number): void {
    const backoffMs = drawBackoff(instance.preemptions++, this.state, this.#context.random)
    instance.step = 'waiting'
    instance.seen = maxBallot(instance.seen, seen)
    this.#instances.wait(instance, nowMs + backoffMs)
  }

  #resend(instance: Instance, nowMs: number): void {
    const { config, effects, membership } = this.#context
    const { ballot, slot } = instance
    this.#instances.wait(instance, nowMs + config.resendMs)
    for (const peer of membership.servers) {
      if (peer === config.self || instance.answered.includes(peer)) continue
      if (instance.step === 'prepare')
        effects.sendAfterDurable(peer, { type: 'prepare', ballot, scope: 'slot', slot })
      else effects.send(peer, { type: 'accept', ballot, first: slot, values: [instance.value] })
    }
  }

  /** The others need not wait for the favourite any more. */
  onPeerGone(peer: ServerId, nowMs: number): void {
    if (peer !== this.state.favourite) return
    this.state.favourite = 0
    this.#place(nowMs)
  }

  onHeartbeat(from: ServerId, message: Heartbeat, nowMs: number): void {
    this.#presence.onHeartbeat(from, message, nowMs)
    this.#onVote(message.voted, nowMs)
  }

  onPromised(_ballot: Ballot, nowMs: number): void {
    this.state.promisedMs = nowMs
  }

  onVoted(_ballot: Ballot, last: Slot, nowMs: number): void {
    this.#onVote(last, nowMs)
  }

  /** A server is known to have voted in this slot. */
  #onVote(slot: Slot, nowMs: number): void {
    if (slot <= this.state.voted) return
    this.state.voted = slot
    if (this.state.holeMs === Infinity) this.#watchHole(nowMs)
    else this.#decideReady(nowMs)
  }
}
