import { type ServerId, type Slot, ZERO_BALLOT, sameBallot } from '../ballot.js'
import { batches } from '../batches.js'
import { type Configuration, isPhase1Quorum, isPhase2Quorum, votersIn } from '../configuration.js'
import { MAX_QUEUED } from '../config.js'
import { Election } from './election.js'
import type { Campaign, Leading } from './leader-state.js'
import { beginRound, boundTo, emptyLease, hearAnswer } from './lease.js'
import type { Accepted, HeartbeatAnswer } from '../messages.js'
import type { Awaited, Heard, Proposal, Proposer } from '../proposer.js'
import { NO_SERVERS, type ServerSet, withServer } from '../server-set.js'
import { NO_OP, type Value } from '../value.js'

/**
 * Leader mode: the distinguished proposer. A server that misses the leader asks a quorum whether it does
 * too, runs phase 1 once for all slots, adopts the votes that it hears of, fills holes with no-ops, and then
 * runs phase 2 alone, many slots at a time. (Lamport: Paxos Made Simple, section 3.)
 */
export class LeaderProposer extends Election implements Proposer {
  get deadline_ms(): number {
    const { phase } = this.state
    switch (phase.role) {
      case 'leader':
        return phase.heartbeat_ms
      case 'candidate':
        return Math.min(phase.promises.resend_ms, phase.until_ms)
      case 'follower':
        return phase.until_ms
    }
  }

  get reachesQuorum(): boolean {
    return this.leader !== undefined
  }

  get room(): number {
    const { phase } = this.state
    return phase.role === 'leader' ? MAX_QUEUED - phase.queue.length : Infinity
  }

  get awaited(): Awaited | undefined {
    const { learner, membership } = this.context
    const { phase } = this.state
    if (!membership.isKnown) return undefined
    const { current } = membership
    const { phase1, phase2 } = current.quorums
    switch (phase.role) {
      case 'follower':
        if (phase.probe.length === 0) return undefined
        return { phase: 'probe', slot: 0, heard: votersIn(current, phase.probe), needed: phase1 }
      case 'candidate':
        return { phase: 'prepare', slot: 0, heard: votersIn(current, phase.promises.from), needed: phase1 }
      case 'leader': {
        const slot = learner.state.chosen + 1
        for (const { first, last, votes } of phase.flights.values()) {
          if (first <= slot && slot <= last)
            return { phase: 'accept', slot, heard: votersIn(current, votes), needed: phase2 }
        }
        if (isPhase1Quorum(current, phase.promises.from)) return undefined
        return { phase: 'prepare', slot, heard: votersIn(current, phase.promises.from), needed: phase1 }
      }
    }
  }

  /** A follower hands proposals to the leader; without a leader they are dropped, and the host asks again. */
  propose(proposals: readonly Proposal[], now_ms: number): void {
    const values = proposals.map((proposal) => proposal.value)
    if (this.state.phase.role === 'leader') {
      this.onForward(values, now_ms)
    } else if (this.leader !== undefined) {
      for (const batch of batches(values))
        this.context.effects.send(this.leader, { type: 'forward', values: batch })
    }
  }

  onForward(values: readonly Value[], now_ms: number): void {
    const { phase } = this.state
    if (phase.role !== 'leader') return
    for (const value of values) phase.queue.push(value)
    this.#launch(phase, now_ms)
  }

  /** What has been handed on cannot be taken back; a session executes it once at most. */
  withdraw(): void {
    // Nothing is kept here.
  }

  heardOf(server: ServerId): Heard | undefined {
    const { phase } = this.state
    if (phase.role !== 'leader') return undefined
    const [at_ms, chosen] = [phase.contact.get(server), phase.progress.get(server)]
    return at_ms === undefined || chosen === undefined ? undefined : { at_ms, chosen }
  }

  tick(now_ms: number): void {
    if (now_ms < this.deadline_ms) return
    const { phase } = this.state
    switch (phase.role) {
      case 'follower':
        this.probe(phase, now_ms)
        break
      case 'candidate':
        if (now_ms >= phase.until_ms) this.follow(ZERO_BALLOT, now_ms)
        else this.prepareAgain(phase, now_ms)
        break
      case 'leader':
        if (this.#hasQuorum(phase, now_ms)) this.#heartbeat(phase, now_ms)
        else this.follow(ZERO_BALLOT, now_ms)
    }
  }

  // Phase 2

  /**
   * From the first slot that was open to the highest one that anyone voted in: what is chosen stays, the
   * vote at the highest ballot is adopted, and a hole gets a no-op. New proposals go above.
   */
  protected override lead({ ballot, promises }: Campaign, now_ms: number): void {
    const { config, log, membership } = this.context
    let last = log.state.voted
    for (const slot of promises.votes.keys()) last = Math.max(last, slot)
    const leading: Leading = {
      role: 'leader',
      ballot,
      promises,
      next: promises.first,
      fill: last,
      flights: new Map(),
      queue: [],
      contact: new Map(membership.servers.map((server) => [server, now_ms])),
      progress: new Map(),
      round: 0,
      heartbeat_ms: now_ms,
      lease: config.lease_ms > 0 ? emptyLease(last) : null,
    }
    this.state.phase = leading
    this.goOn(leading, now_ms)
    this.#heartbeat(leading, now_ms)
  }

  /**
   * Slots may turn out to be chosen by other ways than this leader's own 2a: a peer tells, or a snapshot arrives. Acceptors
   * that have dropped such slots vote in them no more, so what is left of a flight above them flies anew. Where the voters
   * are about to change, the slots before that are filled; and a leader that votes no more makes room.
   */
  protected override goOn(phase: Leading, now_ms: number): void {
    const { learner, membership } = this.context
    const { chosen } = learner.state
    if (!this.canLead) {
      this.handOver(0, now_ms)
      this.follow(ZERO_BALLOT, now_ms)
      return
    }
    for (const flight of phase.flights.values()) {
      if (flight.first > chosen) continue
      phase.flights.delete(flight.first)
      if (flight.last > chosen)
        this.#fly(phase, chosen + 1, flight.values.slice(chosen + 1 - flight.first), now_ms)
    }
    phase.next = Math.max(phase.next, chosen + 1)
    phase.fill = Math.max(phase.fill, membership.latest.first - 1)
    this.#launch(phase, now_ms)
  }

  /**
   * Phase 2a for the next slots, as far as there is anything to propose: no further than the window, and only where a quorum of
   * the slot's own configuration has promised.
   */
  #launch(phase: Leading, now_ms: number): void {
    const { config, learner, log, membership } = this.context
    const { fill, promises, queue } = phase
    const end = learner.state.chosen + config.window
    let configuration = membership.current
    let values: Value[] = []
    let taken = 0
    let slot = phase.next
    for (; slot <= end; slot++) {
      const before = configuration
      configuration = membership.at(slot)
      if (values.length > 0 && (configuration !== before || log.isChosen(slot))) {
        this.#flyAll(phase, slot - values.length, values, now_ms)
        values = []
      }
      if (log.isChosen(slot)) continue
      if (!this.#mayPropose(phase, configuration)) break
      const vote = promises.votes.get(slot)
      if (vote !== undefined) values.push(vote.value)
      else if (taken < queue.length) values.push(queue[taken++] ?? NO_OP)
      else if (slot <= fill) values.push(NO_OP)
      else break
    }
    phase.next = slot
    for (const told of promises.votes.keys()) if (told < slot) promises.votes.delete(told)
    if (taken > 0) phase.queue = queue.slice(taken)
    this.#flyAll(phase, slot - values.length, values, now_ms)
  }

  #mayPropose({ promises }: Leading, configuration: Configuration): boolean {
    return (
      configuration.voters.includes(this.context.config.self) && isPhase1Quorum(configuration, promises.from)
    )
  }

  #flyAll(phase: Leading, first: Slot, values: readonly Value[], now_ms: number): void {
    let next = first
    for (const batch of batches(values)) {
      this.#fly(phase, next, batch, now_ms)
      next += batch.length
    }
  }

  /** A 2a: to the peers at once, and to the own journal at the same time. */
  #fly(phase: Leading, first: Slot, values: readonly Value[], now_ms: number): void {
    const { acceptor, answerSelf, effects } = this.context
    const { ballot } = phase
    const own = acceptor.vote(ballot, first, values)
    // Not without its own vote: it has promised a higher ballot then, and leads no more.
    if (own === undefined) return
    phase.flights.set(first, { first, last: own.last, values, votes: NO_SERVERS, sent_ms: now_ms })
    effects.broadcast({ type: 'accept', ballot, first, values })
    answerSelf(own)
  }

  onAccepted(from: ServerId, message: Accepted, now_ms: number): void {
    const { effects, learner, membership } = this.context
    const { phase } = this.state
    if (phase.role !== 'leader' || !sameBallot(message.ballot, phase.ballot)) return
    phase.contact.set(from, now_ms)
    const flight = phase.flights.get(message.first)
    if (flight?.last !== message.last) return
    flight.votes = withServer(flight.votes, from)
    const { first, last, votes } = flight
    if (!isPhase2Quorum(membership.at(first), votes)) return
    phase.flights.delete(first)
    learner.chooseVotes(phase.ballot, first, last)
    effects.broadcast({ type: 'chosen', ballot: phase.ballot, first, last })
    this.onChosen(now_ms)
  }

  #heartbeat(phase: Leading, now_ms: number): void {
    const { config, effects, learner, log, membership } = this.context
    const { ballot } = phase
    phase.heartbeat_ms = now_ms + config.heartbeat_ms
    phase.round++
    if (phase.lease !== null) beginRound(phase.lease, config.lease_ms, phase.round, now_ms)
    const { chosen } = learner.state
    effects.broadcast({ type: 'heartbeat', ballot, round: phase.round, chosen, voted: log.state.voted })
    if (this.lacksPromises(phase.promises)) this.prepareAgain(phase, now_ms)
    for (const flight of phase.flights.values()) {
      if (now_ms - flight.sent_ms < config.resend_ms) continue
      flight.sent_ms = now_ms
      const { first, values, votes } = flight
      for (const peer of membership.servers) {
        if (peer !== config.self && !votes.includes(peer))
          effects.send(peer, { type: 'accept', ballot, first, values })
      }
    }
  }

  onHeartbeatAnswer(from: ServerId, message: HeartbeatAnswer, now_ms: number): void {
    const { phase } = this.state
    if (phase.role !== 'leader' || !sameBallot(message.ballot, phase.ballot)) return
    phase.contact.set(from, now_ms)
    phase.progress.set(from, message.chosen)
    const { lease_ms } = this.context.config
    if (phase.lease !== null && !hearAnswer(phase.lease, lease_ms, from, message, now_ms))
      this.state.unsound = withServer(this.state.unsound, from)
    // A vote above everything proposed here was cast for an older leader and never chosen. A read may wait
    // for that slot, so it must not stay open until someone has something to write.
    if (message.voted <= phase.fill) return
    phase.fill = message.voted
    this.#launch(phase, now_ms)
  }

  /**
   * It goes on leading until the other one's prepare arrives: what is voted for until then, the other one hears of. It need not
   * ask anybody whether this leader is missed.
   */
  override handOver(to: ServerId, now_ms: number): void {
    const { config, effects, membership } = this.context
    const { phase } = this.state
    if (phase.role !== 'leader' || !membership.isKnown) return
    let [best, furthest] = [to, -1]
    for (const [server, chosen] of phase.progress) {
      const isThere = now_ms - (phase.contact.get(server) ?? -Infinity) < config.electionTimeout_ms
      const isVoter = membership.latest.voters.includes(server)
      if (to !== 0 || !isThere || !isVoter || chosen <= furthest) continue
      best = server
      furthest = chosen
    }
    if (best === 0 || best === config.self) return
    if (phase.lease !== null) phase.lease.isOver = true
    effects.send(best, { type: 'transfer', ballot: phase.ballot, to: best })
  }

  // The lease

  get unsound(): ServerSet {
    return this.state.unsound
  }

  /**
   * What was acknowledged anywhere is chosen at this leader's ballot, and then it was the first to know, or at one before, and then
   * phase 1 has told of it: so all of it is in the slots up to the chosen bar, once that has passed what phase 1 told of.
   */
  readableAlone(now_ms: number): Slot | undefined {
    const { config, learner, membership } = this.context
    const { phase, unsound } = this.state
    if (phase.role !== 'leader' || phase.lease === null || phase.lease.isOver) return undefined
    const { chosen } = learner.state
    if (!membership.isKnown || chosen < phase.lease.inherited || this.lacksPromises(phase.promises))
      return undefined
    // Not in some configuration alone: a rival needs a quorum of the one that governs the slot in which it proposes first.
    const bound = boundTo(phase.lease, config.lease_ms, config.self, unsound, now_ms)
    const { configurations } = membership.state
    return configurations.every((configuration) => isPhase2Quorum(configuration, bound)) ? chosen : undefined
  }

  /** A leader that a quorum does not answer must not keep the others quiet. */
  #hasQuorum(phase: Leading, now_ms: number): boolean {
    const { config, membership } = this.context
    let reached = withServer(NO_SERVERS, config.self)
    for (const [server, contact_ms] of phase.contact) {
      if (now_ms - contact_ms < config.electionTimeout_ms) reached = withServer(reached, server)
    }
    return isPhase2Quorum(membership.current, reached)
  }
}
