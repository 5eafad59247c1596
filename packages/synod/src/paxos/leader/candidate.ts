import type { Ballot, ServerId, Slot } from '../ballot.js'
import { type Configuration, votersIn } from '../configuration.js'
import type { PromiseMessage } from '../messages.js'
import type { PendingQuorum } from '../proposer.js'
import { Phase1, type Phase1State, emptyPhase1 } from './phase-1.js'
import { type Role, type RoleContext, type Transition, canLead, drawPatience } from './role.js'

export interface CandidateState {
  readonly name: 'candidate'
  readonly ballot: Ballot
  readonly phase1: Phase1State
  /** When to give up, unless a promise arrives before. */
  until_ms: number
}

/** `over`: the ballot of the leader that told this server to take over. */
export function newCandidate(
  ballot: Ballot,
  over: Ballot | undefined,
  context: RoleContext,
  now_ms: number,
): CandidateState {
  const { config, learner, membership } = context
  const released = config.lease_ms > 0 ? over : undefined
  return {
    name: 'candidate',
    ballot,
    phase1: emptyPhase1(learner.state.chosen + 1, membership.voters, released),
    until_ms: now_ms + drawPatience(context),
  }
}

/** Runs phase 1, once for all slots, until a quorum has promised its ballot. */
export class Candidate implements Role {
  readonly name = 'candidate'
  readonly leader = undefined
  readonly capacity = Infinity
  readonly state: CandidateState
  readonly #context: RoleContext
  readonly #phase1: Phase1

  constructor(state: CandidateState, context: RoleContext) {
    this.state = state
    this.#context = context
    this.#phase1 = new Phase1(state.phase1, state.ballot, context)
  }

  get deadline_ms(): number {
    return Math.min(this.state.phase1.resend_ms, this.state.until_ms)
  }

  pendingQuorum(current: Configuration): PendingQuorum {
    const heard = votersIn(current, this.state.phase1.from)
    return { step: 'prepare', slot: 0, heard, needed: current.quorums.phase1 }
  }

  missesLeader(): boolean {
    return true
  }

  start(now_ms: number): void {
    this.#phase1.start(now_ms)
  }

  tick(now_ms: number): Transition | undefined {
    if (now_ms >= this.state.until_ms) return { to: 'follower' }
    this.#phase1.prepareAgain(now_ms)
    return undefined
  }

  /** Votes may fill many messages: each promise gives the campaign more time. */
  onPromise(from: ServerId, message: PromiseMessage, now_ms: number): void {
    if (this.#phase1.onPromise(from, message)) this.state.until_ms = now_ms + drawPatience(this.#context)
  }

  /**
   * More slots may be known to be chosen, or more promises: the membership may have changed, or a
   * quorum be complete.
   */
  onChosen(now_ms: number): Transition | undefined {
    const { ballot, phase1 } = this.state
    this.#phase1.askNewVoters(now_ms)
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
