import type { Ballot, ServerId, Slot } from '../ballot.js'
import { type Configuration, votersIn } from '../configuration.js'
import type { PromiseMessage } from '../messages.js'
import type { PendingQuorum } from '../proposer.js'
import { Phase1, type Phase1State, emptyPhase1 } from './phase-1.js'
import { type LeaderModeRole, type RoleContext, type Transition, canLead, drawPatience } from './role.js'

export interface CandidateState {
  readonly name: 'candidate'
  readonly ballot: Ballot
  readonly phase1: Phase1State
  /** When to give up, unless a promise arrives before. */
  untilMs: number
}

/** `over`: the ballot of the leader that told this server to take over. */
export function newCandidate(
  ballot: Ballot,
  over: Ballot | undefined,
  context: RoleContext,
  nowMs: number,
): CandidateState {
  const { config, learner, membership } = context
  const released = config.leaseMs > 0 ? over : undefined
  return {
    name: 'candidate',
    ballot,
    phase1: emptyPhase1(learner.state.chosen + 1, membership.voters, released),
    untilMs: nowMs + drawPatience(context),
  }
}

/** Runs phase 1, once for all slots, until a quorum has promised its ballot. */
export class Candidate implements LeaderModeRole {
  readonly name = 'candidate'
  readonly leader = undefined
  readonly capacity = Infinity
  readonly flights = 0
  readonly state: CandidateState
  readonly #context: RoleContext
  readonly #phase1: Phase1

  constructor(state: CandidateState, context: RoleContext) {
    this.state = state
    this.#context = context
    this.#phase1 = new Phase1(state.phase1, state.ballot, context)
  }

  get deadlineMs(): number {
    return Math.min(this.state.phase1.resendMs, this.state.untilMs)
  }

  pendingQuorum(current: Configuration): PendingQuorum {
    const heard = votersIn(current, this.state.phase1.from)
    return { step: 'prepare', slot: 0, heard, needed: current.quorums.phase1 }
  }

  missesLeader(): boolean {
    return true
  }

  start(nowMs: number): void {
    this.#phase1.start(nowMs)
  }

  tick(nowMs: number): Transition | undefined {
    if (nowMs >= this.state.untilMs) return { to: 'follower' }
    this.#phase1.prepareAgain(nowMs)
    return undefined
  }

  /** Votes may fill many messages: each promise gives the campaign more time. */
  onPromise(from: ServerId, message: PromiseMessage, nowMs: number): void {
    if (this.#phase1.onPromise(from, message)) this.state.untilMs = nowMs + drawPatience(this.#context)
  }

  /**
   * More slots may be known to be chosen, or more promises: the membership may have changed, or a
   * quorum be complete.
   */
  onChosen(nowMs: number): Transition | undefined {
    const { ballot, phase1 } = this.state
    this.#phase1.askNewVoters(nowMs)
    if (!canLead(this.#context)) return { to: 'follower' }
    return this.#phase1.hasQuorum(this.#context.membership.current)
      ? { to: 'leader', ballot, phase1 }
      : undefined
  }

  /**
   * A peer has dropped slots that this campaign asks about: a server that knows them has to lead.
   */
  onTrimmed(slot: Slot): Transition | undefined {
    return slot > this.#context.learner.state.chosen ? { to: 'follower' } : undefined
  }
}
