import type { Ballot, ServerId } from '../ballot.js'
import type { Configuration } from '../configuration.js'
import type { Context, PendingQuorum } from '../proposer.js'
import { randomBetween } from '../random.js'
import type { ServerSet } from '../server-set.js'
import type { Phase1State } from './phase-1.js'

/** What a server in leader mode remembers in every role. */
export interface SharedState {
  /** No ballot above this one has been seen. */
  seen: Ballot
  /** The number of the last probe. */
  round: number
  /** The disk has been at one write for too long: no campaign until that write is done. */
  stuck: boolean
  /** Servers whose clocks ran too fast beside this server's clock: no lease rests on them. */
  fastClocks: ServerSet
}

/** What each role works with. */
export interface RoleContext extends Context {
  readonly shared: SharedState
}

/**
 * A request of a role to become another one. A role never changes itself: its handlers return a
 * transition, or undefined to stay, and leader-mode.ts carries it out.
 */
export type Transition =
  /** Of no leader, until this server hears from one. */
  | { readonly to: 'follower' }
  /** `over`: the ballot of the leader that told this server to take over. */
  | { readonly to: 'candidate'; readonly over: Ballot | undefined }
  /** A quorum has promised `ballot`. */
  | { readonly to: 'leader'; readonly ballot: Ballot; readonly phase1: Phase1State }

/** What every role answers. What one role alone handles is in its class. */
export interface LeaderModeRole {
  /** The leader that this server knows of. */
  readonly leader: ServerId | undefined
  /** How many more values may wait here for a slot; Infinity for a role that keeps none. */
  readonly capacity: number
  /** How many accepts are under way. */
  readonly flights: number
  readonly deadlineMs: number
  /** What this server waits for, judged by the configuration in force. */
  pendingQuorum(current: Configuration): PendingQuorum | undefined
  /** Whether this server has no leader: its answer to a probe. */
  missesLeader(nowMs: number): boolean
  /** Called when `deadlineMs` has passed. */
  tick(nowMs: number): Transition | undefined
}

/** Whether this server votes: only a voter may lead. */
export function canLead({ config, membership }: Context): boolean {
  return config.voting && membership.isVoter(config.self)
}

/** How long to wait for a leader, or for the end of a campaign: drawn anew each time. */
export function drawPatience({ config, random }: Context): number {
  return randomBetween(random, config.electionTimeoutMs, 1.5 * config.electionTimeoutMs)
}
