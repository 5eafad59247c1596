import type { ServerId } from './ballot.js'
import type { Change, MembershipState } from './membership.js'
import type { Value } from './value.js'

/** How slots get decided. Chosen once per cluster; replicas that disagree refuse each other. */
export type Mode = 'leader' | 'leaderless'

export interface PaxosConfig {
  readonly self: ServerId
  /** The membership as it was founded, or as the newest snapshot tells it. */
  readonly membership: MembershipState
  /** Which change of the membership a value stands for, if it does. All servers must agree. */
  readonly changeOf: (value: Value) => Change | undefined
  readonly mode: Mode
  /**
   * False for a server that may have forgotten promises or votes: it takes no part as an acceptor or
   * proposer, and learns what the others choose.
   */
  readonly voting: boolean
  /** How often a leader shows that it is up; in leaderless mode, how often each server shows its bars. */
  readonly heartbeat_ms: number
  /**
   * A follower that has not heard from the leader for between one and one and a half of these asks around, and tries to become the
   * leader; a leader that has not heard from a quorum for one of these gives up.
   */
  readonly electionTimeout_ms: number
  /** An unanswered message is sent again after this time. */
  readonly resend_ms: number
  /**
   * Nobody proposes in a slot that is further than this above the chosen bar; and a change of the voters takes force so many slots
   * after the one in which it is chosen. All servers must agree, for good.
   */
  readonly window: number
  /**
   * How long whoever answers a heartbeat promises nothing to another server, so that the leader may answer reads alone; 0 for never.
   * Leader mode only. All servers must agree, for good.
   */
  readonly lease_ms: number
}

export const PAXOS_DEFAULTS = {
  heartbeat_ms: 50,
  electionTimeout_ms: 500,
  resend_ms: 250,
  lease_ms: 0,
} as const

export const DEFAULT_WINDOW: Readonly<Record<Mode, number>> = { leader: 8192, leaderless: 128 }

/**
 * So many values may wait for a slot in the core: as many as a leader tries at once. What is not in here yet can still be given up
 * on, or refused.
 */
export const MAX_QUEUED = 8192

/** The most bytes of values in one message; a single larger value goes alone. */
export const MAX_MESSAGE_VALUES_BYTES = 1 << 20

/** The most slots that one message speaks of. */
export const MAX_MESSAGE_SLOTS = 4096
