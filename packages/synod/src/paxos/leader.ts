import { type ServerId, type Slot, ZERO_BALLOT, sameBallot } from './ballot.js'
import { batches } from './batches.js'
import { Election } from './election.js'
import type { Campaign, Leading } from './leader-state.js'
import type { Accepted, HeartbeatAnswer } from './messages.js'
import type { Awaited, Proposal, Proposer } from './proposer.js'
import { NO_SERVERS } from './quorum.js'
import { NO_OP, type Value } from './value.js'

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
        return Math.min(phase.resend_ms, phase.until_ms)
      case 'follower':
        return phase.until_ms
    }
  }

  get reachesQuorum(): boolean {
    return this.leader !== undefined
  }

  get awaited(): Awaited | undefined {
    const { learner, membership } = this.context
    const { phase } = this.state
    const { phase1, phase2 } = membership.quorums
    switch (phase.role) {
      case 'follower':
        if (phase.probe === NO_SERVERS) return undefined
        return { phase: 'probe', slot: 0, heard: membership.members(phase.probe), needed: phase1 }
      case 'candidate':
        return { phase: 'prepare', slot: 0, heard: membership.members(phase.promised), needed: phase1 }
      case 'leader': {
        const slot = learner.state.chosen + 1
        for (const { first, last, votes } of phase.flights.values()) {
          if (first <= slot && slot <= last)
            return { phase: 'accept', slot, heard: membership.members(votes), needed: phase2 }
        }
        return undefined
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
    this.#launchQueue(phase, now_ms)
  }

  /** What has been handed on cannot be taken back; a session executes it once at most. */
  withdraw(): void {
    // Nothing is kept here.
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
        else this.prepare(phase, now_ms)
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
  protected override lead(campaign: Campaign, now_ms: number): void {
    const { config, log } = this.context
    const leading: Leading = {
      role: 'leader',
      ballot: campaign.ballot,
      next: campaign.first,
      flights: new Map(),
      inFlight: 0,
      queue: [],
      contact: new Map(config.servers.map((server) => [server, now_ms])),
      voted: new Map(),
      round: 0,
      heartbeat_ms: now_ms,
    }
    this.state.phase = leading
    let last = log.state.voted
    for (const slot of campaign.votes.keys()) last = Math.max(last, slot)
    let values: Value[] = []
    while (leading.next + values.length <= last) {
      const slot = leading.next + values.length
      if (log.isChosen(slot)) {
        this.#launch(leading, values, now_ms)
        values = []
        leading.next = slot + 1
      } else {
        values.push(campaign.votes.get(slot)?.value ?? NO_OP)
      }
    }
    this.#launch(leading, values, now_ms)
    this.#heartbeat(leading, now_ms)
  }

  /**
   * Slots may turn out to be chosen by other ways than this leader's own 2a: a peer tells, or a snapshot arrives. Acceptors
   * that have dropped such slots vote in them no more, so what is left of a flight above them flies anew.
   */
  onChosen(now_ms: number): void {
    const { phase } = this.state
    if (phase.role !== 'leader') return
    const { chosen } = this.context.learner.state
    for (const flight of phase.flights.values()) {
      if (flight.first > chosen) continue
      phase.flights.delete(flight.first)
      phase.inFlight -= flight.values.length
      if (flight.last <= chosen) continue
      const values = flight.values.slice(chosen + 1 - flight.first)
      this.#fly(phase, chosen + 1, values, now_ms)
    }
    phase.next = Math.max(phase.next, chosen + 1)
    this.#launchQueue(phase, now_ms)
  }

  #launchQueue(phase: Leading, now_ms: number): void {
    const room = this.context.config.window - phase.inFlight
    if (phase.queue.length === 0 || room <= 0) return
    const values = phase.queue.length <= room ? phase.queue : phase.queue.slice(0, room)
    phase.queue = phase.queue.length <= room ? [] : phase.queue.slice(room)
    this.#launch(phase, values, now_ms)
  }

  /** Phase 2a for the next slots: to the peers at once, and to the own journal at the same time. */
  #launch(phase: Leading, values: readonly Value[], now_ms: number): void {
    for (const batch of batches(values)) {
      if (!this.#fly(phase, phase.next, batch, now_ms)) return
      phase.next += batch.length
    }
  }

  /** Answers whether this server may vote at its own ballot still. */
  #fly(phase: Leading, first: Slot, values: readonly Value[], now_ms: number): boolean {
    const { acceptor, answerSelf, effects } = this.context
    const { ballot } = phase
    const own = acceptor.vote(ballot, first, values)
    if (own === undefined) return false
    phase.inFlight += values.length
    phase.flights.set(first, { first, last: own.last, values, votes: NO_SERVERS, sent_ms: now_ms })
    effects.broadcast({ type: 'accept', ballot, first, values })
    answerSelf(own)
    return true
  }

  onAccepted(from: ServerId, message: Accepted, now_ms: number): void {
    const { effects, learner, membership } = this.context
    const { phase } = this.state
    if (phase.role !== 'leader' || !sameBallot(message.ballot, phase.ballot)) return
    phase.contact.set(from, now_ms)
    const flight = phase.flights.get(message.first)
    if (flight?.last !== message.last) return
    flight.votes = membership.add(flight.votes, from)
    if (!membership.isPhase2Quorum(flight.votes)) return
    const { first, last } = flight
    phase.flights.delete(first)
    phase.inFlight -= flight.values.length
    learner.chooseVotes(phase.ballot, first, last)
    effects.broadcast({ type: 'chosen', ballot: phase.ballot, first, last })
    this.#launchQueue(phase, now_ms)
  }

  #heartbeat(phase: Leading, now_ms: number): void {
    const { config, effects, learner, log, membership } = this.context
    phase.heartbeat_ms = now_ms + config.heartbeat_ms
    phase.round++
    effects.broadcast({
      type: 'heartbeat',
      ballot: phase.ballot,
      round: phase.round,
      chosen: learner.state.chosen,
      voted: log.state.voted,
    })
    for (const flight of phase.flights.values()) {
      if (now_ms - flight.sent_ms < config.resend_ms) continue
      flight.sent_ms = now_ms
      const { first, values } = flight
      for (const peer of config.servers) {
        if (peer === config.self || membership.contains(flight.votes, peer)) continue
        effects.send(peer, { type: 'accept', ballot: phase.ballot, first, values })
      }
    }
  }

  onHeartbeatAnswer(from: ServerId, message: HeartbeatAnswer, now_ms: number): void {
    const { phase } = this.state
    if (phase.role !== 'leader' || !sameBallot(message.ballot, phase.ballot)) return
    phase.contact.set(from, now_ms)
    phase.voted.set(from, message.voted)
    // A vote above everything proposed here was cast for an older leader and never chosen. A read may wait
    // for that slot, so it must not stay open until someone has something to write.
    const stray = Math.min(message.voted - phase.next + 1, this.context.config.window - phase.inFlight)
    if (stray > 0) this.#launch(phase, new Array<Value>(stray).fill(NO_OP), now_ms)
  }

  /**
   * It goes on leading until the other one's prepare arrives: what is voted for until then, the other one hears of. It need not
   * ask anybody whether this leader is missed.
   */
  override handOver(to: ServerId, now_ms: number): void {
    const { config, effects } = this.context
    const { phase } = this.state
    if (phase.role !== 'leader') return
    let [best, furthest] = [to, -1]
    for (const [server, voted] of phase.voted) {
      const isThere = now_ms - (phase.contact.get(server) ?? -Infinity) < config.electionTimeout_ms
      if (to !== 0 || !isThere || voted <= furthest) continue
      best = server
      furthest = voted
    }
    if (best !== 0 && best !== config.self)
      effects.send(best, { type: 'transfer', ballot: phase.ballot, to: best })
  }

  /** A leader that a quorum does not answer must not keep the others quiet. */
  #hasQuorum(phase: Leading, now_ms: number): boolean {
    const { config, membership } = this.context
    let reached = membership.add(NO_SERVERS, config.self)
    for (const [server, contact_ms] of phase.contact) {
      if (now_ms - contact_ms < config.electionTimeout_ms) reached = membership.add(reached, server)
    }
    return membership.isPhase2Quorum(reached)
  }
}
