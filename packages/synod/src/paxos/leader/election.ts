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
import { isPhase1Quorum } from '../configuration.js'
import type { Campaign, Following, LeaderState, Leading, Promises } from './leader-state.js'
import type {
  Heartbeat,
  Nack,
  Prepare,
  Probe,
  ProbeAnswer,
  PromiseMessage,
  ReportedVote,
  Transfer,
} from '../messages.js'
import type { Context } from '../proposer.js'
import { randomBetween } from '../random.js'
import { NO_SERVERS, unionOf, withServer, withoutServer } from '../server-set.js'

/** How soon a follower asks around when the leader's process is known to be gone. */
const GONE_PATIENCE_MS = 20

/**
 * Leader mode, up to the moment in which a server leads: it follows a leader, misses it, asks a quorum whether
 * it does too (a probe, which promises nothing), and runs phase 1 once for all slots.
 */
export abstract class Election {
  readonly state: LeaderState
  protected readonly context: Context

  constructor(state: LeaderState, context: Context) {
    this.state = state
    this.context = context
  }

  /** A quorum has promised this server's ballot in all slots, and told of its votes. */
  protected abstract lead(campaign: Campaign, now_ms: number): void

  /** This server leads, and more servers have promised its ballot. */
  protected abstract goOn(leading: Leading, now_ms: number): void

  /** This server leads, and has `to` take over: whoever keeps up best where it is 0. */
  protected abstract handOver(to: ServerId, now_ms: number): void

  get role() {
    const { phase } = this.state
    return phase.role !== 'follower' || this.canLead ? phase.role : 'learner'
  }

  get ballot(): Ballot {
    return this.state.phase.ballot
  }

  get leader(): ServerId | undefined {
    const { phase } = this.state
    switch (phase.role) {
      case 'leader':
        return this.context.config.self
      case 'candidate':
        return undefined
      case 'follower':
        return phase.gone || phase.missed || phase.ballot.server === 0 ? undefined : phase.ballot.server
    }
  }

  /** Whether this server votes: only then may it lead. */
  protected get canLead(): boolean {
    const { config, membership } = this.context
    return config.voting && membership.isVoter(config.self)
  }

  onPeerGone(peer: ServerId, now_ms: number): void {
    const { phase } = this.state
    if (phase.role !== 'follower' || phase.ballot.server !== peer) return
    phase.gone = true
    // Until then those that it has bound say that they do not miss it: that its process is gone is no more than very likely.
    const from_ms = Math.max(now_ms, this.context.bond.end_ms)
    phase.until_ms = from_ms + randomBetween(this.context.random, 0, GONE_PATIENCE_MS)
  }

  /** Makes room for a server whose votes count: what this one proposes would rest on the others' disks alone. */
  onDiskStuck(now_ms: number): void {
    this.state.stuck = true
    if (this.state.phase.role !== 'follower') this.follow(ZERO_BALLOT, now_ms)
  }

  onDurable(): void {
    this.state.stuck = false
  }

  // Following, and asking around

  onHeartbeat(from: ServerId, message: Heartbeat, now_ms: number): void {
    const { acceptor, bond, config, effects, learner, log } = this.context
    if (message.ballot.server !== from) return
    const bound = maxBallot(acceptor.logBound, this.ballot)
    if (compareBallots(message.ballot, bound) < 0) {
      effects.send(from, { type: 'nack', refused: message.ballot, ballot: bound, slot: 0 })
      return
    }
    this.#hear(message.ballot, now_ms)
    // An answer may count towards the leader's quorum: it must come from a server that has forgotten nothing.
    if (!config.voting) return
    const { round, ballot } = message
    bond.bind(ballot, now_ms)
    effects.send(from, {
      type: 'heartbeat-answer',
      ballot,
      round,
      chosen: learner.state.chosen,
      voted: log.state.voted,
      ...(config.lease_ms > 0 ? { clock_ms: now_ms } : {}),
    })
  }

  onVoted(ballot: Ballot, _last: Slot, now_ms: number): void {
    if (compareBallots(ballot, this.ballot) >= 0) this.#hear(ballot, now_ms)
  }

  /** Whoever misses the leader says so, and holds its own campaign back for the sake of one who can lead. */
  onProbe(from: ServerId, message: Probe, now_ms: number): void {
    const { acceptor, bond, config, effects, learner, membership } = this.context
    const { phase } = this.state
    const missing =
      now_ms >= bond.end_ms &&
      (phase.role === 'candidate' ||
        (phase.role === 'follower' && (phase.gone || now_ms - phase.heard_ms >= config.electionTimeout_ms)))
    const ballot = maxBallot(this.state.seen, acceptor.logBound)
    const { chosen } = learner.state
    effects.send(from, { type: 'probe-answer', round: message.round, missing, ballot, chosen })
    if (missing && phase.role === 'follower' && !phase.yielded && membership.isVoter(from)) {
      phase.yielded = true
      phase.until_ms = now_ms + this.#patience() / 3
    }
  }

  onProbeAnswer(from: ServerId, message: ProbeAnswer, now_ms: number): void {
    const { phase } = this.state
    this.#see(message.ballot)
    if (phase.role !== 'follower' || phase.probe.length === 0 || message.round !== this.state.round) return
    if (!message.missing) return
    phase.probe = withServer(phase.probe, from)
    this.#campaignIfMissed(phase, now_ms)
  }

  /** The leader has not been heard from for too long: asks whether the others miss it too. */
  protected probe(phase: Following, now_ms: number): void {
    const { config, effects, learner } = this.context
    phase.missed = true
    phase.yielded = false
    if (this.state.stuck) {
      phase.until_ms = now_ms + this.#patience()
      return
    }
    this.state.round++
    phase.probe = this.canLead ? [config.self] : NO_SERVERS
    phase.until_ms = now_ms + this.#probePatience(phase)
    // Also if it cannot lead: the answers tell what has been chosen, which may be that it can.
    effects.broadcast({ type: 'probe', round: this.state.round, chosen: learner.state.chosen })
    this.#campaignIfMissed(phase, now_ms)
  }

  #campaignIfMissed({ probe }: Following, now_ms: number): void {
    if (this.canLead && isPhase1Quorum(this.context.membership.current, probe)) this.#campaign(now_ms)
  }

  /** How long to wait for answers before asking again: not long where there is no leader to come back. */
  #probePatience({ ballot, gone }: Following): number {
    const { config, random } = this.context
    if (gone) return GONE_PATIENCE_MS + this.#patience() / 10
    if (ballot.server === 0) return randomBetween(random, config.resend_ms, 2 * config.resend_ms)
    return this.#patience() / 3
  }

  #hear(ballot: Ballot, now_ms: number): void {
    const { phase } = this.state
    if (phase.role !== 'follower' || !sameBallot(phase.ballot, ballot)) {
      this.follow(ballot, now_ms)
      return
    }
    phase.heard_ms = now_ms
    phase.gone = false
    phase.missed = false
    phase.yielded = false
    phase.probe = NO_SERVERS
    phase.until_ms = now_ms + phase.patience_ms
  }

  /** Becomes a follower: of the leader at `ballot`, or of nobody (zero) until it hears from one. */
  protected follow(ballot: Ballot, now_ms: number): void {
    this.#see(ballot)
    const patience_ms = this.#patience()
    this.state.phase = {
      role: 'follower',
      ballot,
      heard_ms: ballot === ZERO_BALLOT ? -Infinity : now_ms,
      gone: false,
      missed: ballot === ZERO_BALLOT,
      yielded: false,
      patience_ms,
      until_ms: now_ms + patience_ms,
      probe: NO_SERVERS,
    }
  }

  #patience(): number {
    const { config, random } = this.context
    return randomBetween(random, config.electionTimeout_ms, 1.5 * config.electionTimeout_ms)
  }

  #see(ballot: Ballot): void {
    this.state.seen = maxBallot(this.state.seen, ballot)
  }

  // Handing over

  transfer(to: ServerId, now_ms: number): void {
    const { phase } = this.state
    if (phase.role === 'leader') this.handOver(to, now_ms)
    else if (phase.role === 'follower' && this.leader !== undefined)
      this.context.effects.send(this.leader, { type: 'transfer', ballot: phase.ballot, to })
  }

  onTransfer(from: ServerId, { ballot, to }: Transfer, now_ms: number): void {
    const { phase, stuck } = this.state
    if (!sameBallot(ballot, phase.ballot)) return
    if (phase.role === 'leader') this.handOver(to, now_ms)
    else if (phase.role === 'follower' && from === ballot.server && this.canLead && !stuck)
      this.#campaign(now_ms, ballot)
  }

  // Phase 1

  /** `over` names the leader that has told this server to take over. */
  #campaign(now_ms: number, over?: Ballot): void {
    const { acceptor, bond, config, learner, membership } = this.context
    const ballot = ballotAbove(maxBallot(this.state.seen, acceptor.logBound), config.self)
    if (!bond.allows(ballot, over, now_ms)) return
    const first = learner.state.chosen + 1
    this.#see(ballot)
    const campaign: Campaign = {
      role: 'candidate',
      ballot,
      promises: {
        first,
        from: NO_SERVERS,
        voters: membership.voters,
        next: new Map(),
        votes: new Map(),
        ...(config.lease_ms > 0 && over !== undefined ? { over } : {}),
        resend_ms: 0,
      },
      until_ms: now_ms + this.#patience(),
    }
    this.state.phase = campaign
    // The own promise comes first: from here on this server cannot vote for an older leader, so the votes
    // that it reads now are its last below this ballot.
    this.#promiseSelf(ballot, first)
    this.#prepare(campaign, now_ms)
  }

  #promiseSelf(ballot: Ballot, slot: Slot): void {
    const promise = this.context.acceptor.promise(ballot, 'log', slot)
    if (promise !== undefined) this.context.answerSelf(promise)
  }

  /** Asks anew whoever has not promised. */
  protected prepareAgain(phase: Campaign | Leading, now_ms: number): void {
    if (now_ms >= phase.promises.resend_ms) this.#prepare(phase, now_ms)
  }

  /**
   * A prepare leaves only once the own promise is durable: after a restart this server must know that it
   * has used this ballot, or it could run it twice with different values.
   */
  #prepare(phase: Campaign | Leading, now_ms: number): void {
    const { config, effects, learner } = this.context
    const { promises } = phase
    promises.resend_ms = now_ms + config.resend_ms
    for (const peer of promises.voters) {
      if (peer === config.self || promises.from.includes(peer)) continue
      // What is known to be chosen by now need not be asked about, and may have been dropped by those who are asked.
      const slot = Math.max(promises.next.get(peer) ?? promises.first, learner.state.chosen + 1)
      promises.next.set(peer, slot)
      effects.sendAfterDurable(peer, prepareOf(phase, slot))
    }
  }

  onPromise(from: ServerId, message: PromiseMessage, now_ms: number): void {
    const { config, effects, learner } = this.context
    const { phase } = this.state
    if (phase.role === 'follower' || !sameBallot(message.ballot, phase.ballot) || message.scope !== 'log')
      return
    const { promises } = phase
    if (message.slot !== (promises.next.get(from) ?? promises.first) || !this.lacksPromises(promises)) return
    // Votes may fill many messages: a campaign has time for as long as it gets on.
    if (phase.role === 'candidate') phase.until_ms = now_ms + this.#patience()
    for (const vote of message.votes) {
      if (vote.chosen) learner.chooseValues(vote.slot, [vote.value])
      adopt(promises, vote)
      if (phase.role === 'leader' && phase.lease !== null)
        phase.lease.inherited = Math.max(phase.lease.inherited, vote.slot)
    }
    if (message.next > message.slot) {
      promises.next.set(from, message.next)
      if (from === config.self) this.#promiseSelf(phase.ballot, message.next)
      else effects.send(from, prepareOf(phase, message.next))
      return
    }
    promises.from = withServer(promises.from, from)
    this.onChosen(now_ms)
  }

  /** Whether there is a configuration of which no quorum has promised. */
  protected lacksPromises({ from }: Promises): boolean {
    const { configurations } = this.context.membership.state
    return !configurations.every((configuration) => isPhase1Quorum(configuration, from))
  }

  /** With what is known to be chosen, the membership may have become another. */
  onChosen(now_ms: number): void {
    const { phase } = this.state
    if (phase.role === 'follower') return
    this.#meetNewcomers(phase, now_ms)
    if (phase.role === 'leader') this.goOn(phase, now_ms)
    else if (!this.canLead) this.follow(ZERO_BALLOT, now_ms)
    else if (isPhase1Quorum(this.context.membership.current, phase.promises.from)) this.lead(phase, now_ms)
  }

  /**
   * Whoever comes to vote is asked for a promise then, in the slots in which it votes. One that it gave before does not count: it was not an acceptor of
   * the cluster then, and its disk may have been another.
   */
  #meetNewcomers(phase: Campaign | Leading, now_ms: number): void {
    const { membership } = this.context
    const { promises } = phase
    const newcomers = membership.voters.filter((server) => !promises.voters.includes(server))
    if (newcomers.length === 0) return
    promises.voters = unionOf([promises.voters, newcomers])
    for (const server of newcomers) {
      promises.from = withoutServer(promises.from, server)
      promises.next.set(server, Math.max(promises.first, membership.firstSlotOf(server)))
    }
    this.#prepare(phase, now_ms)
  }

  /** A peer has dropped slots that this campaign asks about: somebody who knows them has to lead. */
  onTrimmed(slot: Slot, now_ms: number): void {
    const { phase } = this.state
    if (phase.role === 'candidate' && slot > this.context.learner.state.chosen)
      this.follow(ZERO_BALLOT, now_ms)
  }

  /** A rival's ballot, once promised or voted for, leaves no room for this server's own. */
  onRival(ballot: Ballot, now_ms: number): void {
    this.#see(ballot)
    if (compareBallots(ballot, this.ballot) > 0) this.follow(ZERO_BALLOT, now_ms)
  }

  /** Preempted: goes back to following, and waits its turn. */
  onNack(message: Nack, now_ms: number): void {
    this.#see(message.ballot)
    const { phase } = this.state
    if (phase.role === 'follower' || !sameBallot(message.refused, phase.ballot)) return
    if (compareBallots(message.ballot, phase.ballot) > 0) this.follow(ZERO_BALLOT, now_ms)
  }
}

function prepareOf({ ballot, promises: { over } }: Campaign | Leading, slot: Slot): Prepare {
  return { type: 'prepare', ballot, scope: 'log', slot, ...(over === undefined ? {} : { over }) }
}

function adopt({ votes }: Promises, vote: ReportedVote): void {
  const highest = votes.get(vote.slot)
  if (highest === undefined || compareBallots(vote.ballot, highest.ballot) > 0) votes.set(vote.slot, vote)
}
