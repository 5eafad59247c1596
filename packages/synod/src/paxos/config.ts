import type { ServerId } from './ballot.js'
import type { Change, MembershipState } from './membership.js'
import type { Value } from './value.js'

/** How slots get decided. Chosen once per cluster; replicas that disagree refuse each other. */
export type Mode = 'leader' | 'leaderless'

export interface PaxosConfig {
  readonly self: ServerId
  /** The membership as it was founded, or as of the newest snapshot. */
  readonly membership: MembershipState
  /** The membership change that a value stands for, if any. All servers must agree. */
  readonly changeOf: (value: Value) => Change | undefined
  readonly mode: Mode
  /**
   * False for a server that may have forgotten promises or votes: it neither votes nor proposes,
   * and only learns.
   */
  readonly voting: boolean
  /** How often a leader, or in leaderless mode each server, sends heartbeats. */
  readonly heartbeatMs: number
  /**
   * After one to one and a half of these without the leader, a follower probes, to become the
   * leader. After one of these without a quorum, a leader steps down.
   */
  readonly electionTimeoutMs: number
  /** An unanswered message is sent again after this time. */
  readonly resendMs: number
  /**
   * No server proposes in a slot further than this above its chosen watermark. A change of the
   * voters takes force this many slots after the one in which it is chosen. All servers must agree,
   * for good.
   */
  readonly window: number
  /**
   * How many slots the favourite prepares for requests to come. Leaderless mode only.
   */
  readonly preparedSlots: number
  /** The log archives values in blocks of this many bytes. */
  readonly archiveBlockBytes: number
  /**
   * How long a server that answers a heartbeat promises nothing to another server, so that the
   * leader may answer reads alone; 0 for no leases. Leader mode only. All servers must agree, for
   * good.
   */
  readonly leaseMs: number
}

export const PAXOS_DEFAULTS = {
  heartbeatMs: 50,
  electionTimeoutMs: 500,
  resendMs: 250,
  preparedSlots: 4,
  archiveBlockBytes: 1 << 20,
  leaseMs: 0,
} as const

export const DEFAULT_WINDOW: Readonly<Record<Mode, number>> = { leader: 8192, leaderless: 128 }

/** How many values may wait for a slot in the core. The host can give up or refuse further ones. */
export const MAX_QUEUED = 8192

/** A leader takes no more proposals while it has this many bytes of values under way. */
export const MAX_FLIGHT_BYTES = 64 << 20

/** The most bytes of values in one message; a single larger value goes alone. */
export const MAX_MESSAGE_VALUES_BYTES = 1 << 20

/** The most slots in one message. */
export const MAX_MESSAGE_SLOTS = 4096
