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
import { averageWith } from '../average.js'
import { batches } from '../batches.js'
import { MAX_QUEUED } from '../config.js'
import { isPhase1Quorum, isPhase2Quorum, votersIn } from '../configuration.js'
import { Instances } from '../instances.js'
import type { Instance, LeaderlessState, Request } from './leaderless-state.js'
import type { Accepted, Heartbeat, Nack, PromiseMessage } from '../messages.js'
import type { Context, Heard, PendingQuorum, Proposal, Proposer } from '../proposer.js'
import { randomBetween } from '../random.js'
import { NO_SERVERS, withServer } from '../server-set.js'
import { NO_OP, type Value, sameValue } from '../value.js'

/** The others hold back while the chosen prefix grows without pauses of so many phases, but no longer than this. */
const PAUSE_PHASES = 4
const MAX_HEAD_START_MS = 2000

/** Back-off doubles with each preemption in a slot, up to this. */
const MAX_BACKOFF_MS = 500

/** A request that has lost more slots than this begins the next one at a ballot that is raised by as many more, up to the second. */
const LOST_SLOTS = 3
const MOST_RAISED = 16

/** A slot that nobody seems to work on is taken up after between one and two of these. */
const HOLE_PATIENCE_MS = 50

/**
 * Leaderless mode: for each request a server finds an empty slot and runs both phases of single-decree Paxos
 * there. If another value wins the slot, the request moves on to the next. All servers do so at once, so
 * being preempted is normal: the answer is a random back-off that grows with the contention.
 */
export class LeaderlessProposer implements Proposer {
  readonly state: LeaderlessState
  readonly #context: Context
  /** No slot before this one is empty; what is in use stays so. */
  #firstEmpty: Slot = 1
  readonly #instances: Instances

  constructor(state: LeaderlessState, context: Context) {
    this.state = state
    this.#context = context
    this.#instances = new Instances(state, context.log)
  }

  get role() {
    return this.#votes ? 'proposer' : 'learner'
  }

  get #votes(): boolean {
    const { config, membership } = this.#context
    return config.voting && membership.isVoter(config.self)
  }

  get ballot(): Ballot {
    return ZERO_BALLOT
  }

  get leader(): undefined {
    return undefined
  }

  get reachesQuorum(): boolean {
    return this.state.reachesQuorum
  }

  get capacity(): number {
    return this.#context.config.voting ? MAX_QUEUED - this.state.waiting.size : Infinity
  }

  get pendingQuorum(): PendingQuorum | undefined {
    const { learner, membership } = this.#context
    const instance = this.#instances.get(learner.state.chosen + 1)
    if (instance === undefined || instance.step === 'waiting') return undefined
    const { answered, slot, step } = instance
    const { current } = membership
    const { phase1, phase2 } = current.quorums
    const needed = step === 'prepare' ? phase1 : phase2
    return { step, slot, heard: votersIn(current, answered), needed }
  }

  get deadline_ms(): number {
    const { due_ms, heartbeat_ms, hole_ms } = this.state
    if (!this.#votes) return heartbeat_ms
    const deadline_ms = Math.min(heartbeat_ms, hole_ms, due_ms)
    const next = this.#nextRequest()
    if (next === undefined || this.#emptySlot() === undefined) return deadline_ms
    return Math.min(deadline_ms, this.#dueAt(next))
  }

  /** A server that does not vote hands its clients' commands to the others; so does one whose disk is full. */
  propose(proposals: readonly Proposal[], now_ms: number, elsewhere = false): void {
    const { effects, random } = this.#context
    if (!this.#votes || elsewhere) {
      const values = proposals.map((proposal) => proposal.value)
      for (const batch of batches(values)) effects.broadcast({ type: 'forward', values: batch })
      return
    }
    for (const { id, value } of proposals) {
      if (this.state.requests.has(id)) continue
      const from_ms = now_ms + randomBetween(random, 2, 4) * this.state.request_ms
      this.state.requests.set(id, { id, value, slot: 0, lost: 0, arrived_ms: now_ms, from_ms })
      this.state.waiting.add(id)
    }
    this.#place(now_ms)
  }

  /** For the clients of a server that does not vote. Nobody here waits for these: their ids are negative. */
  onForward(values: readonly Value[], now_ms: number): void {
    if (!this.#votes) return
    const proposals = values.map((value) => ({ id: this.state.nextForwarded--, value }))
    this.propose(proposals, now_ms)
  }

  withdraw(id: number, now_ms: number): void {
    const request = this.state.requests.get(id)
    if (request === undefined) return
    this.state.requests.delete(id)
    this.state.waiting.delete(id)
    const instance = this.#instances.get(request.slot)
    if (instance !== undefined) instance.request = 0
    this.state.request_ms = averageWith(this.state.request_ms, now_ms - request.arrived_ms)
  }

  heardOf(server: ServerId): Heard | undefined {
    return this.state.heard.get(server)
  }

  tick(now_ms: number): void {
    const { config } = this.#context
    const { state } = this
    if (now_ms >= state.heartbeat_ms) {
      state.heartbeat_ms = now_ms + config.heartbeat_ms
      this.#lookAround(now_ms)
    }
    if (!this.#votes) return
    for (const instance of this.#instances.takeDue(now_ms)) {
      if (instance.step === 'waiting') this.#prepare(instance, now_ms)
      else this.#resend(instance, now_ms)
    }
    if (now_ms >= state.hole_ms) this.#fillHoles(now_ms)
    this.#place(now_ms)
  }

  /** Shows the others that it is here, if it counts, and looks who else is. */
  #lookAround(now_ms: number): void {
    const { config, effects, learner, log, membership } = this.#context
    let reached = config.voting ? withServer(NO_SERVERS, config.self) : NO_SERVERS
    for (const [server, { at_ms }] of this.state.heard) {
      if (now_ms - at_ms < config.electionTimeout_ms) reached = withServer(reached, server)
    }
    this.state.reachesQuorum =
      membership.isKnown &&
      isPhase1Quorum(membership.current, reached) &&
      isPhase2Quorum(membership.current, reached)
    if (!config.voting) return
    const { chosen } = learner.state
    effects.broadcast({ type: 'heartbeat', ballot: ZERO_BALLOT, round: 0, chosen, voted: log.state.voted })
  }

  // Which slots to work on

  /** Proposes the requests that wait for a slot, in order of arrival, as far as the window allows. */
  #place(now_ms: number): void {
    for (;;) {
      const request = this.#nextRequest()
      if (request === undefined || now_ms < this.#dueAt(request)) return
      const slot = this.#emptySlot()
      if (slot === undefined) {
        if (this.state.hole_ms === Infinity) this.#watchHole(now_ms)
        return
      }
      this.#begin(request, slot, now_ms)
    }
  }

  #begin(request: Request, slot: Slot, now_ms: number): void {
    this.state.waiting.delete(request.id)
    request.slot = slot
    this.#start(slot, request.id, now_ms)
  }

  /**
   * When a request may be proposed. All servers get the same requests at the same time, and would keep
   * preempting each other if all proposed them: so the one that won last goes first, and the others follow
   * when it makes no progress.
   */
  #dueAt({ arrived_ms, from_ms }: Request): number {
    const { favourite, moved_ms, phase_ms } = this.state
    if (favourite === this.#context.config.self) return arrived_ms
    const paused_ms = moved_ms + PAUSE_PHASES * phase_ms
    return Math.min(Math.max(from_ms, paused_ms), arrived_ms + MAX_HEAD_START_MS)
  }

  #nextRequest(): Request | undefined {
    for (const id of this.state.waiting) return this.state.requests.get(id)
    return undefined
  }

  /** Runs single-decree Paxos for a request that lost its slot in the first empty one, once the window has room. */
  #proposeAgain(request: Request, now_ms: number): void {
    const slot = this.#emptySlot()
    request.slot = 0
    request.lost++
    if (slot === undefined) this.state.waiting.add(request.id)
    else this.#begin(request, slot, now_ms)
  }

  /** The slots that are not known to be chosen, no further than the window, in which this server votes and does not work. */
  *#open(): Generator<Slot, void, undefined> {
    const { config, learner, log, membership } = this.#context
    const first = learner.state.chosen + 1
    for (let slot = first; slot < first + config.window; slot++) {
      if (!membership.at(slot).voters.includes(config.self)) return
      if (!log.isChosen(slot) && !this.#instances.has(slot)) yield slot
    }
  }

  /** The first slot of the window, if any, that nobody is known to use, and in which this server votes. */
  #emptySlot(): Slot | undefined {
    const { config, learner, membership } = this.#context
    const { chosen } = learner.state
    let slot = Math.max(this.#firstEmpty, chosen + 1)
    while (slot <= chosen + config.window && !this.#isEmpty(slot)) slot++
    this.#firstEmpty = slot
    if (slot > chosen + config.window) return undefined
    return membership.at(slot).voters.includes(config.self) ? slot : undefined
  }

  /** Nobody is known to use it: no vote, no outcome, no promise to anyone, this server included. */
  #isEmpty(slot: Slot): boolean {
    const { log } = this.#context
    const state = log.find(slot)
    return (
      !log.isChosen(slot) && (state === undefined || (state.value === undefined && state.promised.seq === 0))
    )
  }

  /**
   * The chosen prefix has stood still for a while below a slot that somebody voted in: runs an instance in
   * each open slot between, which finishes what another server began, or decides a no-op. And where others have begun something in all slots
   * of the window, and gone no further, a request that waits for an empty one goes ahead in the first of them.
   */
  #fillHoles(now_ms: number): void {
    const request = this.#emptySlot() === undefined ? this.#nextRequest() : undefined
    for (const slot of this.#open()) {
      if (slot <= this.state.voted) this.#start(slot, 0, now_ms)
      else if (request?.slot === 0) this.#begin(request, slot, now_ms)
      else break
    }
    this.#watchHole(now_ms)
  }

  #watchHole(now_ms: number): void {
    const { learner, log, membership, random } = this.#context
    const { state } = this
    if (learner.state.chosen > state.bar) state.moved_ms = now_ms
    state.bar = learner.state.chosen
    state.favourite = log.find(state.bar)?.ballot.server ?? 0
    // Where the voters are about to change, the slots before that have to be decided.
    const change = membership.isKnown ? membership.latest.first - 1 : 0
    state.voted = Math.max(state.voted, log.state.voted, change)
    const isFull = state.waiting.size > 0 && this.#emptySlot() === undefined
    state.hole_ms =
      state.voted > state.bar || isFull
        ? now_ms + randomBetween(random, HOLE_PATIENCE_MS, 2 * HOLE_PATIENCE_MS)
        : Infinity
  }

  // Phase 1

  #start(slot: Slot, request: number, now_ms: number): void {
    const instance: Instance = {
      slot,
      step: 'waiting',
      ballot: ZERO_BALLOT,
      preemptions: 0,
      seen: ZERO_BALLOT,
      request,
      answered: NO_SERVERS,
      vote: null,
      since_ms: now_ms,
      value: NO_OP,
      until_ms: Infinity,
    }
    this.#instances.begin(instance)
    this.#prepare(instance, now_ms)
  }

  /** The prepare leaves only once the own promise is durable, so that no ballot is used twice after a restart. */
  #prepare(instance: Instance, now_ms: number): void {
    const { acceptor, answerSelf, config, effects } = this.#context
    const { slot } = instance
    const { seq } = maxBallot(instance.seen, acceptor.bound(slot))
    // At equal numbers the higher server wins. Who has lost often begins higher, or could lose each slot.
    const lost = this.state.requests.get(instance.request)?.lost ?? 0
    const raised = Math.min(Math.max(0, lost - LOST_SLOTS), MOST_RAISED)
    const ballot = ballotAbove({ seq: seq + raised, server: 0 }, config.self)
    instance.step = 'prepare'
    instance.ballot = ballot
    instance.answered = NO_SERVERS
    instance.vote = null
    instance.since_ms = now_ms
    this.#instances.wait(instance, now_ms + config.resend_ms)
    const own = acceptor.promise(ballot, 'slot', slot)
    if (own !== undefined) answerSelf(own)
    effects.broadcastAfterDurable({ type: 'prepare', ballot, scope: 'slot', slot })
  }

  onPromise(from: ServerId, message: PromiseMessage, now_ms: number): void {
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
    this.state.phase_ms = averageWith(this.state.phase_ms, now_ms - instance.since_ms)
    this.#accept(instance, now_ms)
  }

  // Phase 2

  /** Bound to the vote at the highest ballot, if there is one; free to propose the own request otherwise. */
  #accept(instance: Instance, now_ms: number): void {
    const { acceptor, answerSelf, config, effects } = this.#context
    const { ballot, slot, vote } = instance
    const request = this.state.requests.get(instance.request)
    if (vote !== null) {
      instance.value = vote.value
      if (request !== undefined && !sameValue(request.value, vote.value)) {
        instance.request = 0
        this.#proposeAgain(request, now_ms)
      }
    } else if (request !== undefined) {
      instance.value = request.value
    } else if (slot > this.state.voted) {
      // The request was withdrawn, and no vote above makes this slot a hole: nothing needs to be decided.
      this.#instances.end(slot)
      return
    } else {
      instance.value = NO_OP
    }
    instance.step = 'accept'
    instance.answered = NO_SERVERS
    this.#instances.wait(instance, now_ms + config.resend_ms)
    const own = acceptor.vote(ballot, slot, [instance.value])
    if (own === undefined) {
      this.#backOff(instance, acceptor.bound(slot), now_ms)
      return
    }
    this.#seeVote(slot, now_ms)
    effects.broadcast({ type: 'accept', ballot, first: slot, values: [instance.value] })
    answerSelf(own)
    this.#place(now_ms)
  }

  onAccepted(from: ServerId, message: Accepted, now_ms: number): void {
    const { effects, learner, membership } = this.#context
    const { ballot, first: slot } = message
    const instance = this.#instances.get(slot)
    if (instance?.step !== 'accept' || message.last !== slot || !sameBallot(ballot, instance.ballot)) return
    instance.answered = withServer(instance.answered, from)
    if (!isPhase2Quorum(membership.at(slot), instance.answered)) return
    effects.broadcast({ type: 'chosen', ballot, first: slot, last: slot })
    learner.chooseVotes(ballot, slot, slot)
    if (!this.#context.log.isChosen(slot)) learner.chooseValues(slot, [instance.value])
    this.onChosen(now_ms)
  }

  /** Ends the instances whose slot is decided; a request that did not win its slot moves on to another. */
  onChosen(now_ms: number): void {
    const { learner, log } = this.#context
    for (const instance of this.#instances.takeDecided()) {
      const request = this.state.requests.get(instance.request)
      if (request === undefined) continue
      // What was chosen in a slot that has been dropped is not known: the request may have won there, or not.
      const chosen = log.chosen(instance.slot)
      if (chosen !== undefined && sameValue(request.value, chosen)) this.withdraw(request.id, now_ms)
      else this.#proposeAgain(request, now_ms)
    }
    if (learner.state.chosen !== this.state.bar) this.#watchHole(now_ms)
    this.#place(now_ms)
  }

  // Contention and loss

  onNack(message: Nack, now_ms: number): void {
    const instance = this.#instances.get(message.slot)
    if (instance === undefined || instance.step === 'waiting') return
    if (sameBallot(message.refused, instance.ballot)) this.#backOff(instance, message.ballot, now_ms)
  }

  #backOff(instance: Instance, seen: Ballot, now_ms: number): void {
    const { random } = this.#context
    const rival_ms = 2 * this.state.phase_ms
    const backoff_ms = Math.min(rival_ms * 2 ** instance.preemptions++, MAX_BACKOFF_MS)
    instance.step = 'waiting'
    instance.seen = maxBallot(instance.seen, seen)
    this.#instances.wait(instance, now_ms + randomBetween(random, backoff_ms, 2 * backoff_ms))
  }

  #resend(instance: Instance, now_ms: number): void {
    const { config, effects, membership } = this.#context
    const { ballot, slot } = instance
    this.#instances.wait(instance, now_ms + config.resend_ms)
    for (const peer of membership.servers) {
      if (peer === config.self || instance.answered.includes(peer)) continue
      if (instance.step === 'prepare')
        effects.sendAfterDurable(peer, { type: 'prepare', ballot, scope: 'slot', slot })
      else effects.send(peer, { type: 'accept', ballot, first: slot, values: [instance.value] })
    }
  }

  onHeartbeat(from: ServerId, message: Heartbeat, now_ms: number): void {
    const isFirst = !this.state.heard.has(from)
    this.state.heard.set(from, { at_ms: now_ms, chosen: message.chosen })
    if (isFirst) this.state.heartbeat_ms = now_ms
    this.#seeVote(message.voted, now_ms)
  }

  onVoted(_ballot: Ballot, last: Slot, now_ms: number): void {
    this.#seeVote(last, now_ms)
  }

  #seeVote(slot: Slot, now_ms: number): void {
    if (slot <= this.state.voted) return
    this.state.voted = slot
    if (this.state.hole_ms === Infinity) this.#watchHole(now_ms)
  }
}
