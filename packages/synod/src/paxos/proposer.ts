import type { Acceptor } from './acceptor.js'
import type { Ballot, ServerId, Slot } from './ballot.js'
import type { PaxosConfig } from './config.js'
import type { Effects } from './effects.js'
import type { Learner } from './learner.js'
import type { LeasePromise } from './leader/lease-promise.js'
import type { LogView } from './log.js'
import type { MembershipView } from './membership.js'
import type { Accepted, Heartbeat, Nack, PromiseMessage } from './messages.js'
import type { RandomState } from './random.js'
import type { Value } from './value.js'

/** A command to be chosen in some slot. The id is the host's, to withdraw it by. */
export interface Proposal {
  readonly id: number
  readonly value: Value
}

/**
 * What a server does in its cluster at the moment. In leaderless mode every server is a `proposer`.
 */
export type Role = 'leader' | 'candidate' | 'follower' | 'proposer' | 'learner'

/** A quorum that a proposer waits for. */
export interface PendingQuorum {
  /** What the servers are asked for. `probe`: whether they miss the leader too. */
  readonly step: 'probe' | 'prepare' | 'accept'
  /** 0 for every slot. */
  readonly slot: Slot
  /** The voters that have answered, this server included once its own answer is durable. */
  readonly heard: readonly ServerId[]
  /** How many voters make the quorum. */
  readonly needed: number
}

/** When another server was last heard from, and what it reported. */
export interface PeerProgress {
  readonly atMs: number
  /** Its chosen watermark. */
  readonly chosen: Slot
}

/** What a proposer works with. */
export interface Context {
  readonly config: PaxosConfig
  readonly membership: MembershipView
  readonly log: LogView
  readonly acceptor: Acceptor
  readonly learner: Learner
  readonly leasePromise: LeasePromise
  readonly effects: Effects
  readonly random: RandomState
  /** Delivers this server's own answer, as if from a peer, once the record behind it is durable. */
  readonly answerSelf: (message: PromiseMessage | Accepted) => void
}

/** What both modes have: a proposer decides what is proposed, where and when. */
export interface Proposer {
  readonly role: Role
  /**
   * The ballot that this server proposes at or follows; zero in leaderless mode, where each slot
   * has its own.
   */
  readonly ballot: Ballot
  /** The leader that this server knows of. */
  readonly leader: ServerId | undefined
  /** Whether a quorum of servers seems to be within reach. */
  readonly reachesQuorum: boolean
  /** What keeps the chosen watermark from advancing, if this server is the one to advance it. */
  readonly pendingQuorum: PendingQuorum | undefined
  /** How many more values may wait here for a slot; Infinity where this server keeps none. */
  readonly capacity: number
  /** How many accepts of a leader are under way. */
  readonly flights: number
  /** When a tick is due, at the latest. */
  readonly deadlineMs: number
  propose(proposals: readonly Proposal[], nowMs: number, elsewhere?: boolean): void
  withdraw(id: number, nowMs: number): void
  /** What another server last reported; undefined where that is not known. */
  peerProgress(server: ServerId): PeerProgress | undefined
  /** Values that a peer received from its clients. */
  onForward(values: readonly Value[], nowMs: number): void
  tick(nowMs: number): void
  onPromise(from: ServerId, message: PromiseMessage, nowMs: number): void
  onAccepted(from: ServerId, message: Accepted, nowMs: number): void
  onNack(message: Nack, nowMs: number): void
  onHeartbeat(from: ServerId, message: Heartbeat, nowMs: number): void
  /** This server has promised a ballot to a peer. */
  onPromised(ballot: Ballot, nowMs: number): void
  /** This server has voted at a peer's ballot, in slots up to `last`. */
  onVoted(ballot: Ballot, last: Slot, nowMs: number): void
  /** The process of this peer is known to be gone. */
  onPeerGone(peer: ServerId, nowMs: number): void
  /** More slots may be known to be chosen: what is under way in them is over. */
  onChosen(nowMs: number): void
}
