import type { Ballot, ServerId, Slot } from './ballot.js'
import type { Value } from './value.js'

/**
 * Which slots a prepare covers: one slot (leaderless mode), or every slot of the log (leader mode).
 */
export type Scope = 'slot' | 'log'

/**
 * Phase 1a. With scope `slot` it asks for a promise in `slot` alone. With scope `log` the promise
 * binds every slot, and the sender needs the votes from `slot` on: it knows the chosen values of
 * all slots before.
 */
export interface Prepare {
  readonly type: 'prepare'
  readonly ballot: Ballot
  readonly scope: Scope
  readonly slot: Slot
  /**
   * Where there are leases: the ballot of the leader that told the sender to take over, and gave up
   * its lease.
   */
  readonly predecessor?: Ballot
}

/**
 * A vote as reported in a promise: the ballot is the one at which it was cast, never the promised
 * one.
 */
export interface ReportedVote {
  readonly slot: Slot
  readonly ballot: Ballot
  readonly value: Value
  /**
   * The sender knows that this value is chosen here (it may never have voted: then the ballot is
   * zero).
   */
  readonly chosen: boolean
}

/**
 * Phase 1b. `votes` lists the sender's votes in the slots that the prepare covers, from `slot` on,
 * in order. When they do not fit into one message, `next` is the first slot not listed, and the
 * proposer asks again from there. Otherwise `next` is 0.
 */
export interface PromiseMessage {
  readonly type: 'promise'
  readonly ballot: Ballot
  readonly scope: Scope
  readonly slot: Slot
  readonly votes: readonly ReportedVote[]
  readonly next: Slot
}

/** Phase 2a: one value for each consecutive slot from `first` on. */
export interface Accept {
  readonly type: 'accept'
  readonly ballot: Ballot
  readonly first: Slot
  readonly values: readonly Value[]
}

/** Phase 2b: the sender's votes at `ballot` in the slots `first` to `last` are durable. */
export interface Accepted {
  readonly type: 'accepted'
  readonly ballot: Ballot
  readonly first: Slot
  readonly last: Slot
}

/**
 * A prepare or accept at `refused` was refused because of a promise at the higher `ballot`; `slot`
 * is that of the refused message.
 */
export interface Nack {
  readonly type: 'nack'
  readonly refused: Ballot
  readonly ballot: Ballot
  readonly slot: Slot
}

/**
 * In slots `first` to `last` the value of the votes at `ballot` is chosen. A receiver whose vote is
 * at another ballot has to ask.
 */
export interface Chosen {
  readonly type: 'chosen'
  readonly ballot: Ballot
  readonly first: Slot
  readonly last: Slot
}

/**
 * In leader mode the leader of `ballot` is up. In leaderless mode every server that votes sends it,
 * at ballot zero, to show that it is up and how far it is. `chosen` and `voted` are the sender's
 * watermarks.
 */
export interface Heartbeat {
  readonly type: 'heartbeat'
  readonly ballot: Ballot
  readonly round: number
  readonly chosen: Slot
  readonly voted: Slot
}

/**
 * The sender follows the leader of `ballot`: the answer to heartbeat `round`, with the sender's
 * watermarks.
 */
export interface HeartbeatAnswer {
  readonly type: 'heartbeat-answer'
  readonly ballot: Ballot
  readonly round: number
  readonly chosen: Slot
  readonly voted: Slot
  /** Where there are leases: the sender is bound to this leader, and its clock shows this time. */
  readonly clockMs?: number
}

/**
 * The leader of `ballot` is to transfer its leadership to server `to`. From a follower it is a
 * request, and `to` may be 0 for any server; from the leader it makes its receiver, `to`, campaign
 * at once.
 */
export interface Transfer {
  readonly type: 'transfer'
  readonly ballot: Ballot
  readonly to: ServerId
}

/**
 * Do you miss the leader too? Asked before a campaign; it promises nothing. A server that does not
 * vote asks as well: question and answer carry chosen watermarks.
 */
export interface Probe {
  readonly type: 'probe'
  readonly round: number
  readonly chosen: Slot
}

/**
 * `missing`: the sender has no leader either. `ballot` is the highest that it has seen, `chosen`
 * its chosen watermark.
 */
export interface ProbeAnswer {
  readonly type: 'probe-answer'
  readonly round: number
  readonly missing: boolean
  readonly ballot: Ballot
  readonly chosen: Slot
}

/** Proposals of a follower, for the leader to put into slots. */
export interface Forward {
  readonly type: 'forward'
  readonly values: readonly Value[]
}

/** Which is the highest slot that you have voted in? Asked for linearizable reads. */
export interface Observe {
  readonly type: 'observe'
  readonly round: number
}

export interface Observed {
  readonly type: 'observed'
  readonly round: number
  readonly voted: Slot
}

/** Catch-up: what was chosen in slots `first` to `last`? */
export interface Fetch {
  readonly type: 'fetch'
  readonly first: Slot
  readonly last: Slot
}

/** The values chosen in consecutive slots from `first` on. */
export interface Decided {
  readonly type: 'decided'
  readonly first: Slot
  readonly values: readonly Value[]
}

/**
 * Every slot up to `slot` is chosen, and the sender has dropped the values: a snapshot holds their
 * results. The answer to a prepare, an accept or a fetch for such a slot.
 */
export interface Trimmed {
  readonly type: 'trimmed'
  readonly slot: Slot
}

/** A message between servers. A server never sends one to itself. */
export type Message =
  | Prepare
  | PromiseMessage
  | Accept
  | Accepted
  | Nack
  | Chosen
  | Heartbeat
  | HeartbeatAnswer
  | Transfer
  | Probe
  | ProbeAnswer
  | Forward
  | Observe
  | Observed
  | Fetch
  | Decided
  | Trimmed

export type MessageType = Message['type']
