import type { Acceptor } from './acceptor.js'
import type { Ballot, ServerId, Slot } from './ballot.js'
import type { PaxosConfig } from './config.js'
import type { Effects } from './effects.js'
import type { Learner } from './learner.js'
import type { Bond } from './leader/lease.js'
import type { Log } from './log.js'
import type {
  Accepted,
  Heartbeat,
  HeartbeatAnswer,
  Nack,
  Probe,
  ProbeAnswer,
  PromiseMessage,
  Transfer,
} from './messages.js'
import type { Membership } from './membership.js'
import type { RandomState } from './random.js'
import type { ServerSet } from './server-set.js'
import type { Value } from './value.js'

/** A command to be chosen in some slot. The id is the host's, to withdraw it by. */
export interface Proposal {
  readonly id: number
  readonly value: Value
}

/** What a server is to its cluster at the moment. In leaderless mode every server is a `proposer`. */
export type Role = 'leader' | 'candidate' | 'follower' | 'proposer' | 'learner'

/** What a proposer waits for before it can go on. */
export interface Awaited {
  /** `probe`: whether a quorum misses the leader too. */
  readonly phase: 'probe' | 'prepare' | 'accept'
  /** 0 where it is about every slot. */
  readonly slot: Slot
  /** Who has answered, this server included once its own answer is durable. */
  readonly heard: readonly ServerId[]
  /** How many it takes. */
  readonly needed: number
}

/** That another server was heard from, and what it said. */
export interface Heard {
  readonly at_ms: number
  /** Its chosen bar. */
  readonly chosen: Slot
}

/** What a proposer works with. */
export interface Context {
  readonly config: PaxosConfig
  readonly membership: Membership
  readonly log: Log
  readonly acceptor: Acceptor
  readonly learner: Learner
  readonly bond: Bond
  readonly effects: Effects
  readonly random: RandomState
  /** Delivers this server's own answer to it, as if from a peer, once the record behind it is durable. */
  readonly answerSelf: (message: PromiseMessage | Accepted) => void
}

/** The part in which the two modes differ: who proposes what, where and when. */
export interface Proposer {
  /** Plain data, all of it. */
  readonly state: object
  readonly role: Role
  /** The ballot that this server proposes at or follows; zero in leaderless mode, where each slot has its own. */
  readonly ballot: Ballot
  /** Who leads, as far as this server knows. */
  readonly leader: ServerId | undefined
  /** Whether a quorum of servers seems to be within reach. */
  readonly reachesQuorum: boolean
  /** What keeps the chosen bar from moving, if it is this server's to move it. */
  readonly awaited: Awaited | undefined
  /** How many more values may wait here for a slot; Infinity where they go on to another server at once, or nowhere. */
  readonly room: number
  /** When `tick` wants to be called, at the latest. */
  readonly deadline_ms: number
  propose(proposals: readonly Proposal[], now_ms: number, elsewhere?: boolean): void
  withdraw(id: number, now_ms: number): void
  /** What another server last told of itself, as far as this one is told. */
  heardOf(server: ServerId): Heard | undefined
  /** Commands that a peer received and hands on. */
  onForward(values: readonly Value[], now_ms: number): void
  tick(now_ms: number): void
  onPromise(from: ServerId, message: PromiseMessage, now_ms: number): void
  onAccepted(from: ServerId, message: Accepted, now_ms: number): void
  onNack(message: Nack, now_ms: number): void
  onHeartbeat(from: ServerId, message: Heartbeat, now_ms: number): void
  /** This server has voted at a peer's ballot, in slots up to `last`. */
  onVoted(ballot: Ballot, last: Slot, now_ms: number): void
  /** More slots may be known to be chosen than before: what is under way there is over. */
  onChosen(now_ms: number): void

  // What leader mode alone takes part in: looking after the leader.

  onHeartbeatAnswer?(from: ServerId, message: HeartbeatAnswer, now_ms: number): void
  /** The slot that must be executed before a read that this server can answer alone; undefined where it has to ask others. */
  readableAlone?(now_ms: number): Slot | undefined
  /** Servers whose clocks are not fit for leases. */
  readonly unsound?: ServerSet
  onProbe?(from: ServerId, message: Probe, now_ms: number): void
  onProbeAnswer?(from: ServerId, message: ProbeAnswer, now_ms: number): void
  transfer?(to: ServerId, now_ms: number): void
  onTransfer?(from: ServerId, message: Transfer, now_ms: number): void
  /** A peer has dropped the slots up to `slot`. */
  onTrimmed?(slot: Slot, now_ms: number): void
  /** This server has promised a peer's ballot. */
  onRival?(ballot: Ballot, now_ms: number): void
  /** The disk is stuck, or gets on again. */
  onDiskStuck?(now_ms: number): void
  onDurable?(): void
  /** The process of this peer is known to be gone. */
  onPeerGone?(peer: ServerId, now_ms: number): void
}
