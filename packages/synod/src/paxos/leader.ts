import {
  type Ballot,
  type ServerId,
  type Slot,
  ZERO_BALLOT,
  ballotAbove,
  compareBallots,
  maxBallot,
  sameBallot,
} from './ballot.js'
import { batches } from './batches.js'
import type {
  Accepted,
  Heartbeat,
  HeartbeatAnswer,
  Nack,
  Probe,
  ProbeAnswer,
  PromiseMessage,
  ReportedVote,
} from './messages.js'
import type { Context, Proposal, Proposer } from './proposer.js'
import { NO_SERVERS, type ServerSet } from './quorum.js'
import { randomBetween } from './random.js'
import { NO_OP, type Value } from './value.js'

/** How soon a follower asks around when the leader's process is known to be gone. */
const GONE_PATIENCE_MS = 20

/** Not yet a leader: who leads, and how long to wait before asking around. */
interface Following {
  role: 'follower'
  /** The ballot of the leader that this server follows; zero when it knows of none. */
  ballot: Ballot
  heard_ms: number
  /** The leader's process is known to be gone. */
  gone: boolean
  /** How long it goes without hearing from the leader before it probes: drawn anew for each leader. */
  patience_ms: number
  /** When to probe. */
  until_ms: number
  /** The probe under way: who misses the leader too. */
  probe: ServerSet
}

/** Phase 1, for all slots at once. */
interface Campaign {
  role: 'candidate'
  ballot: Ballot
  /** The first slot whose outcome this server did not know when it began. */
  first: Slot
  promised: ServerSet
  /** From which slot on a server has yet to tell of its votes; `first` where nothing is noted. */
  next: Map<ServerId, Slot>
  /** The vote at the highest ballot in each slot that someone has told of. */
  votes: Map<Slot, ReportedVote>
  resend_ms: number
  until_ms: number
}

/** A 2a under way: consecutive slots that are voted on together. */
interface Flight {
  readonly first: Slot
  readonly last: Slot
  readonly values: readonly Value[]
  votes: ServerSet
  sent_ms: number
}

/** Phase 2. */
interface Leading {
  role: 'leader'
  ballot: Ballot
  /** The next slot that has never been proposed in. */
  next: Slot
  /** By first slot. */
  flights: Map<Slot, Flight>
  /** Slots in flight. */
  inFlight: number
  /** Proposals that wait for room in the window. */
  queue: Value[]
  /** When each peer last showed that it follows. */
  contact: Map<ServerId, number>
  round: number
  heartbeat_ms: number
}

export interface LeaderState {
  phase: Following | Campaign | Leading
  /** No ballot above this one has been seen. */
  seen: Ballot
  /** Numbers probes and heartbeats. */
  round: number
}

export function emptyLeader(now_ms: number): LeaderState {
  return {
    phase: {
      role: 'follower',
      ballot: ZERO_BALLOT,
      heard_ms: -Infinity,
      gone: false,
      patience_ms: 0,
      until_ms: now_ms,
      probe: NO_SERVERS,
    },
    seen: ZERO_BALLOT,
    round: 0,
  }
}

/**
 * Leader mode: the distinguished proposer. A server that misses the leader asks a quorum whether it does
 * too, runs phase 1 once for all slots, adopts the votes that it hears of, fills holes with no-ops, and then
 * runs phase 2 alone, many slots at a time. (Lamport: Paxos Made Simple, section 3.)
 */
export class LeaderProposer implements Proposer {
  readonly state: LeaderState
  readonly #context: Context

  constructor(state: LeaderState, context: Context) {
    this.state = state
    this.#context = context
  }

  get role() {
    return this.#context.config.voting ? this.state.phase.role : 'learner'
  }

  get ballot(): Ballot {
    return this.state.phase.ballot
  }

  get leader(): ServerId | undefined {
    const { phase } = this.state
    switch (phase.role) {
      case 'leader':
        return this.#context.config.self
      case 'candidate':
        return undefined
      case 'follower':
        return phase.gone || phase.ballot.server === 0 ? undefined : phase.ballot.server
    }
  }

  get deadline_ms(): number {
    const { phase } = this.state
    switch (phase.role) {
      case 'leader':
        return phase.heartbeat_ms
      case 'candidate':
        return Math.min(phase.resend_ms, phase.until_ms)
      case 'follower':
        return this.#context.config.voting ? phase.until_ms : Infinity
    }
  }

  /** A follower hands proposals to the leader; without a leader they are dropped, and the host asks again. */
  propose(proposals: readonly Proposal[], now_ms: number): void {
    const values = proposals.map((proposal) => proposal.value)
    if (this.state.phase.role === 'leader') {
      this.onForward(values, now_ms)
    } else if (this.leader !== undefined) {
      for (const batch of batches(values))
        this.#context.effects.send(this.leader, { type: 'forward', values: batch })
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
        this.#probe(phase, now_ms)
        break
      case 'candidate':
        if (now_ms >= phase.until_ms) this.#follow(ZERO_BALLOT, now_ms)
        else this.#prepare(phase, now_ms)
        break
      case 'leader':
        if (this.#hasQuorum(phase, now_ms)) this.#heartbeat(phase, now_ms)
        else this.#follow(ZERO_BALLOT, now_ms)
    }
  }

  onPeerGone(peer: ServerId, now_ms: number): void {
    const { phase } = this.state
    if (phase.role !== 'follower' || phase.ballot.server !== peer) return
    phase.gone = true
    phase.until_ms = now_ms + randomBetween(this.#context.random, 0, GONE_PATIENCE_MS)
  }

  // Following, and asking around

  onHeartbeat(from: ServerId, message: Heartbeat, now_ms: number): void {
    const { acceptor, effects, learner, log } = this.#context
    if (message.ballot.server !== from) return
    const bound = maxBallot(acceptor.logBound, this.ballot)
    if (compareBallots(message.ballot, bound) < 0) {
      effects.send(from, { type: 'nack', refused: message.ballot, ballot: bound, slot: 0 })
      return
    }
    this.#hear(message.ballot, now_ms)
    const { round, ballot } = message
    effects.send(from, {
      type: 'heartbeat-answer',
      ballot,
      round,
      chosen: learner.state.chosen,
      voted: log.state.voted,
    })
  }

  onVoted(ballot: Ballot, _last: Slot, now_ms: number): void {
    if (compareBallots(ballot, this.ballot) >= 0) this.#hear(ballot, now_ms)
  }

  /** Whoever misses the leader says so, and holds its own campaign back. */
  onProbe(from: ServerId, message: Probe, now_ms: number): void {
    const { acceptor, config, effects } = this.#context
    const { phase } = this.state
    const missing =
      phase.role === 'candidate' ||
      (phase.role === 'follower' && (phase.gone || now_ms - phase.heard_ms >= config.electionTimeout_ms))
    const ballot = maxBallot(this.state.seen, acceptor.logBound)
    effects.send(from, { type: 'probe-answer', round: message.round, missing, ballot })
    if (missing && phase.role === 'follower') phase.until_ms = now_ms + this.#patience() / 2
  }

  onProbeAnswer(from: ServerId, message: ProbeAnswer, now_ms: number): void {
    const { phase } = this.state
    this.#see(message.ballot)
    if (phase.role !== 'follower' || phase.probe === NO_SERVERS || message.round !== this.state.round) return
    if (!message.missing) return
    phase.probe = this.#context.membership.add(phase.probe, from)
    if (this.#context.membership.isQuorum(phase.probe)) this.#campaign(now_ms)
  }

  #probe(phase: Following, now_ms: number): void {
    const { config, effects, membership } = this.#context
    this.state.round++
    phase.probe = membership.add(NO_SERVERS, config.self)
    phase.until_ms = now_ms + (phase.gone ? GONE_PATIENCE_MS + this.#patience() / 10 : this.#patience())
    effects.broadcast({ type: 'probe', round: this.state.round })
    if (membership.isQuorum(phase.probe)) this.#campaign(now_ms)
  }

  #hear(ballot: Ballot, now_ms: number): void {
    const { phase } = this.state
    if (phase.role !== 'follower' || !sameBallot(phase.ballot, ballot)) {
      this.#follow(ballot, now_ms)
      return
    }
    phase.heard_ms = now_ms
    phase.gone = false
    phase.probe = NO_SERVERS
    phase.until_ms = now_ms + phase.patience_ms
  }

  /** Becomes a follower: of the leader at `ballot`, or of nobody (zero) until it hears from one. */
  #follow(ballot: Ballot, now_ms: number): void {
    this.#see(ballot)
    const patience_ms = this.#patience()
    this.state.phase = {
      role: 'follower',
      ballot,
      heard_ms: ballot === ZERO_BALLOT ? -Infinity : now_ms,
      gone: false,
      patience_ms,
      until_ms: now_ms + patience_ms,
      probe: NO_SERVERS,
    }
  }

  #patience(): number {
    const { config, random } = this.#context
    return randomBetween(random, config.electionTimeout_ms, 2 * config.electionTimeout_ms)
  }

  #see(ballot: Ballot): void {
    this.state.seen = maxBallot(this.state.seen, ballot)
  }

  // Phase 1

  #campaign(now_ms: number): void {
    const { acceptor, config, learner } = this.#context
    const ballot = ballotAbove(maxBallot(this.state.seen, acceptor.logBound), config.self)
    const first = learner.state.chosen + 1
    this.#see(ballot)
    const campaign: Campaign = {
      role: 'candidate',
      ballot,
      first,
      promised: NO_SERVERS,
      next: new Map(),
      votes: new Map(),
      resend_ms: 0,
      until_ms: now_ms + this.#patience(),
    }
    this.state.phase = campaign
    // The own promise comes first: from here on this server cannot vote for an older leader, so the votes
    // that it reads now are its last below this ballot.
    this.#promiseSelf(ballot, first)
    this.#prepare(campaign, now_ms)
  }

  #promiseSelf(ballot: Ballot, slot: Slot): void {
    const promise = this.#context.acceptor.promise(ballot, 'log', slot)
    if (promise !== undefined) this.#context.answerSelf(promise)
  }

  /**
   * A prepare leaves only once the own promise is durable: after a restart this server must know that it
   * has used this ballot, or it could run it twice with different values.
   */
  #prepare(phase: Campaign, now_ms: number): void {
    const { config, effects, membership } = this.#context
    phase.resend_ms = now_ms + config.resend_ms
    for (const peer of config.servers) {
      if (peer === config.self || membership.contains(phase.promised, peer)) continue
      const slot = phase.next.get(peer) ?? phase.first
      effects.sendAfterDurable(peer, { type: 'prepare', ballot: phase.ballot, scope: 'log', slot })
    }
  }

  onPromise(from: ServerId, message: PromiseMessage, now_ms: number): void {
    const { config, effects, learner, membership } = this.#context
    const { phase } = this.state
    if (phase.role !== 'candidate' || !sameBallot(message.ballot, phase.ballot) || message.scope !== 'log')
      return
    if (message.slot !== (phase.next.get(from) ?? phase.first)) return
    for (const vote of message.votes) {
      if (vote.chosen) learner.chooseValues(vote.slot, [vote.value])
      const highest = phase.votes.get(vote.slot)
      if (highest === undefined || compareBallots(vote.ballot, highest.ballot) > 0)
        phase.votes.set(vote.slot, vote)
    }
    if (message.next > message.slot) {
      phase.next.set(from, message.next)
      if (from === config.self) this.#promiseSelf(phase.ballot, message.next)
      else effects.send(from, { type: 'prepare', ballot: phase.ballot, scope: 'log', slot: message.next })
      return
    }
    phase.promised = membership.add(phase.promised, from)
    if (membership.isQuorum(phase.promised)) this.#lead(phase, now_ms)
  }

  /** A rival's ballot, once promised or voted for, leaves no room for this server's own. */
  onRival(ballot: Ballot, now_ms: number): void {
    this.#see(ballot)
    if (compareBallots(ballot, this.ballot) > 0) this.#follow(ZERO_BALLOT, now_ms)
  }

  /** Preempted: goes back to following, and waits its turn. */
  onNack(message: Nack, now_ms: number): void {
    this.#see(message.ballot)
    const { phase } = this.state
    if (phase.role === 'follower' || !sameBallot(message.refused, phase.ballot)) return
    if (compareBallots(message.ballot, phase.ballot) > 0) this.#follow(ZERO_BALLOT, now_ms)
  }

  // Phase 2

  /**
   * From the first slot that was open to the highest one that anyone voted in: what is chosen stays, the
   * vote at the highest ballot is adopted, and a hole gets a no-op. New proposals go above.
   */
  #lead(campaign: Campaign, now_ms: number): void {
    const { config, log } = this.#context
    const leading: Leading = {
      role: 'leader',
      ballot: campaign.ballot,
      next: campaign.first,
      flights: new Map(),
      inFlight: 0,
      queue: [],
      contact: new Map(config.servers.map((server) => [server, now_ms])),
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

  #launchQueue(phase: Leading, now_ms: number): void {
    const room = this.#context.config.window - phase.inFlight
    if (phase.queue.length === 0 || room <= 0) return
    const values = phase.queue.length <= room ? phase.queue : phase.queue.slice(0, room)
    phase.queue = phase.queue.length <= room ? [] : phase.queue.slice(room)
    this.#launch(phase, values, now_ms)
  }

  /** Phase 2a for the next slots: to the peers at once, and to the own journal at the same time. */
  #launch(phase: Leading, values: readonly Value[], now_ms: number): void {
    const { acceptor, answerSelf, effects } = this.#context
    const { ballot } = phase
    for (const batch of batches(values)) {
      const first = phase.next
      const own = acceptor.vote(ballot, first, batch)
      if (own === undefined) return
      phase.next += batch.length
      phase.inFlight += batch.length
      phase.flights.set(first, { first, last: own.last, values: batch, votes: NO_SERVERS, sent_ms: now_ms })
      effects.broadcast({ type: 'accept', ballot, first, values: batch })
      answerSelf(own)
    }
  }

  onAccepted(from: ServerId, message: Accepted, now_ms: number): void {
    const { effects, learner, membership } = this.#context
    const { phase } = this.state
    if (phase.role !== 'leader' || !sameBallot(message.ballot, phase.ballot)) return
    phase.contact.set(from, now_ms)
    const flight = phase.flights.get(message.first)
    if (flight?.last !== message.last) return
    flight.votes = membership.add(flight.votes, from)
    if (!membership.isQuorum(flight.votes)) return
    const { first, last } = flight
    phase.flights.delete(first)
    phase.inFlight -= flight.values.length
    learner.chooseVotes(phase.ballot, first, last)
    effects.broadcast({ type: 'chosen', ballot: phase.ballot, first, last })
    this.#launchQueue(phase, now_ms)
  }

  #heartbeat(phase: Leading, now_ms: number): void {
    const { config, effects, learner, log, membership } = this.#context
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
    // A vote above everything proposed here was cast for an older leader and never chosen. A read may wait
    // for that slot, so it must not stay open until someone has something to write.
    const stray = Math.min(message.voted - phase.next + 1, this.#context.config.window - phase.inFlight)
    if (stray > 0) this.#launch(phase, new Array<Value>(stray).fill(NO_OP), now_ms)
  }

  /** A leader that a quorum does not answer must not keep the others quiet. */
  #hasQuorum(phase: Leading, now_ms: number): boolean {
    const { config, membership } = this.#context
    let reached = membership.add(NO_SERVERS, config.self)
    for (const [server, contact_ms] of phase.contact) {
      if (now_ms - contact_ms < config.electionTimeout_ms) reached = membership.add(reached, server)
    }
    return membership.isQuorum(reached)
  }
}
