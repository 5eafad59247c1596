import { type Ballot, type ServerId, ZERO_BALLOT } from '../ballot.js'
import { splitForMessages } from '../batches.js'
import { type Configuration, isPhase1Quorum, votersIn } from '../configuration.js'
import type { Heartbeat, ProbeAnswer } from '../messages.js'
import type { PendingQuorum } from '../proposer.js'
import { randomBetween } from '../random.js'
import { NO_SERVERS, type ServerSet, withServer } from '../server-set.js'
import type { Value } from '../value.js'
import { type LeaderModeRole, type RoleContext, type Transition, canLead, drawPatience } from './role.js'

/**
 * How soon a follower probes when the leader's process is known to be gone. After one to two of
 * these it probes again: the others may have noticed by then.
 */
const GONE_PATIENCE_MS = 20

export interface FollowerState {
  readonly name: 'follower'
  /** The ballot of the leader that this server follows; zero when it knows of none. */
  readonly ballot: Ballot
  heardMs: number
  /** The leader's process is known to be gone. */
  gone: boolean
  /** The leader has not been heard from for too long. */
  missed: boolean
  /** How long this server waits for the leader before it probes: drawn anew for each leader. */
  patienceMs: number
  /** When to probe. */
  untilMs: number
  /** The probe was put off for another server's: only once, as that one may get no answers. */
  yielded: boolean
  /** The probe under way: the servers that miss the leader too. */
  probe: ServerSet
}

/** A follower of the leader at `ballot`; of none where that is zero. */
export function newFollower(ballot: Ballot, patienceMs: number, nowMs: number): FollowerState {
  const hasLeader = ballot !== ZERO_BALLOT
  return {
    name: 'follower',
    ballot,
    heardMs: hasLeader ? nowMs : -Infinity,
    gone: false,
    missed: !hasLeader,
    yielded: false,
    patienceMs,
    untilMs: nowMs + patienceMs,
    probe: NO_SERVERS,
  }
}

/**
 * Follows a leader and answers its heartbeats. When it misses the leader, it probes: it asks
 * whether a quorum misses the leader too, which promises nothing, and campaigns only then.
 */
export class Follower implements LeaderModeRole {
  readonly name = 'follower'
  readonly capacity = Infinity
  readonly flights = 0
  readonly state: FollowerState
  readonly #context: RoleContext

  constructor(state: FollowerState, context: RoleContext) {
    this.state = state
    this.#context = context
  }

  get leader(): ServerId | undefined {
    const { ballot, gone, missed } = this.state
    return gone || missed || ballot.server === 0 ? undefined : ballot.server
  }

  get deadlineMs(): number {
    return this.state.untilMs
  }

  pendingQuorum(current: Configuration): PendingQuorum | undefined {
    const { probe } = this.state
    if (probe.length === 0) return undefined
    return { step: 'probe', slot: 0, heard: votersIn(current, probe), needed: current.quorums.phase1 }
  }

  missesLeader(nowMs: number): boolean {
    const { gone, heardMs } = this.state
    return gone || nowMs - heardMs >= this.#context.config.electionTimeoutMs
  }

  /** The leader has not been heard from for too long: probes. */
  tick(nowMs: number): Transition | undefined {
    const { config, effects, learner, shared } = this.#context
    const { state } = this
    state.missed = true
    state.yielded = false
    if (shared.stuck) {
      state.untilMs = nowMs + drawPatience(this.#context)
      return undefined
    }
    shared.round++
    state.probe = canLead(this.#context) ? [config.self] : NO_SERVERS
    state.untilMs = nowMs + this.#probePatience()
    // A server that cannot lead probes too: the answers tell it what is chosen, which may make it a
    // voter.
    effects.broadcast({ type: 'probe', round: shared.round, chosen: learner.state.chosen })
    return this.#campaignIfMissed()
  }

  /** This server has heard from the leader that it follows. */
  onLeader(nowMs: number): void {
    const { state } = this
    state.heardMs = nowMs
    state.gone = false
    state.missed = false
    state.yielded = false
    state.probe = NO_SERVERS
    state.untilMs = nowMs + state.patienceMs
  }

  /** Answers the leader, and promises it the lease. */
  onHeartbeat(from: ServerId, { ballot, round }: Heartbeat, nowMs: number): void {
    const { config, effects, leasePromise, learner, log } = this.#context
    // An answer may count towards the leader's quorum: it must come from a server that has
    // forgotten nothing.
    if (!config.voting) return
    leasePromise.extend(ballot, nowMs)
    effects.send(from, {
      type: 'heartbeat-answer',
      ballot,
      round,
      chosen: learner.state.chosen,
      voted: log.state.voted,
      ...(config.leaseMs > 0 ? { clockMs: nowMs } : {}),
    })
  }

  /** A peer that misses the leader too goes first: this server puts its own probe off. */
  yieldTo(peer: ServerId, nowMs: number): void {
    const { state } = this
    if (state.yielded || !this.#context.membership.isVoter(peer)) return
    state.yielded = true
    state.untilMs = nowMs + (state.gone ? this.#gonePatience() : drawPatience(this.#context) / 3)
  }

  onProbeAnswer(from: ServerId, { missing, round }: ProbeAnswer): Transition | undefined {
    const { state } = this
    if (state.probe.length === 0 || round !== this.#context.shared.round || !missing) return undefined
    state.probe = withServer(state.probe, from)
    return this.#campaignIfMissed()
  }

  onPeerGone(peer: ServerId, nowMs: number): void {
    const { leasePromise, random } = this.#context
    const { state } = this
    if (state.ballot.server !== peer) return
    state.gone = true
    // Acceptors bound by a lease do not say before its end that they miss the leader: that it is
    // gone is only very likely.
    const fromMs = Math.max(nowMs, leasePromise.endMs)
    state.untilMs = fromMs + randomBetween(random, 0, GONE_PATIENCE_MS)
  }

  /** Hands values to the leader. Without one they are dropped: the host proposes them again. */
  forward(values: readonly Value[]): void {
    const { leader } = this
    if (leader === undefined) return
    for (const batch of splitForMessages(values))
      this.#context.effects.send(leader, { type: 'forward', values: batch })
  }

  /** Asks the leader to transfer its leadership. */
  transfer(to: ServerId): void {
    const { leader } = this
    if (leader !== undefined)
      this.#context.effects.send(leader, { type: 'transfer', ballot: this.state.ballot, to })
  }

  /** The leader tells this server to take over: no probe is needed. */
  onTransfer(from: ServerId): Transition | undefined {
    const { ballot } = this.state
    if (from !== ballot.server || !canLead(this.#context) || this.#context.shared.stuck) return undefined
    return { to: 'candidate', over: ballot }
  }

  #campaignIfMissed(): Transition | undefined {
    const isMissed =
      canLead(this.#context) && isPhase1Quorum(this.#context.membership.current, this.state.probe)
    return isMissed ? { to: 'candidate', over: undefined } : undefined
  }

  /** How long to wait for answers before the next probe: not long where no leader can come back. */
  #probePatience(): number {
    const { config, random } = this.#context
    const { ballot, gone } = this.state
    if (gone) return this.#gonePatience()
    if (ballot.server === 0) return randomBetween(random, config.resendMs, 2 * config.resendMs)
    return drawPatience(this.#context) / 3
  }

  #gonePatience(): number {
    return randomBetween(this.#context.random, GONE_PATIENCE_MS, 2 * GONE_PATIENCE_MS)
  }
}
