import type { ClusterId } from '../../cluster/cluster-id.js'
import type { Ballot, ServerId, Slot } from '../../paxos/ballot.js'
import type { ErrorCode } from '../../errors.js'

/**
 * Asks for `value`, an encoded request of a session, to be chosen and executed. Answered by reply
 * or fail.
 */
export interface Execute {
  readonly type: 'execute'
  readonly request: number
  readonly value: Uint8Array
}

/** A linearizable read. Answered by reply or fail. */
export interface Read {
  readonly type: 'read'
  readonly request: number
  readonly query: Uint8Array
}

/**
 * A read of the state as it is on the replica that is asked, once the slots up to `atLeast` are
 * executed there. Answered by reply or fail.
 */
export interface StaleRead {
  readonly type: 'stale-read'
  readonly request: number
  readonly atLeast: Slot
  readonly query: Uint8Array
}

/**
 * As a stale read that waits until there is something to answer, or 5 s. Answered by reply or
 * fail.
 */
export interface Follow {
  readonly type: 'follow'
  readonly request: number
  readonly atLeast: Slot
  readonly query: Uint8Array
}

/** Asks for the status of the replica as JSON. Answered by reply. */
export interface StatusRequest {
  readonly type: 'status'
  readonly request: number
}

/** Server `to` is to lead; 0 for any server but the present leader. Answered by reply or fail. */
export interface TransferRequest {
  readonly type: 'transfer'
  readonly request: number
  readonly to: ServerId
}

/**
 * Asks for a piece of a snapshot of the state, from byte `offset` on: of the one at `slot`, or
 * where that is 0 of a new one. Answered by reply, whose result is a `SnapshotPiece`, or fail.
 */
export interface SaveRequest {
  readonly type: 'save'
  readonly request: number
  readonly slot: Slot
  readonly offset: number
}

/** The client no longer waits for this request. */
export interface Cancel {
  readonly type: 'cancel'
  readonly request: number
}

export type ClientMessage =
  Execute | Read | StaleRead | Follow | StatusRequest | TransferRequest | SaveRequest | Cancel

/** A piece of the snapshot at `slot`, which has `sizeBytes` in all. */
export interface SnapshotPiece {
  readonly slot: Slot
  readonly sizeBytes: number
  readonly bytes: Uint8Array
}

/** `slot` is the executed watermark of the replica: the result reflects no slot after this one. */
export interface Reply {
  readonly type: 'reply'
  readonly request: number
  readonly slot: Slot
  readonly result: Uint8Array
}

export interface Fail {
  readonly type: 'fail'
  readonly request: number
  readonly code: ErrorCode
  /** 0 where no time is named. */
  readonly retryAfterMs: number
  readonly message: string
}

/**
 * A hint: the server that leads at `ballot`, as far as the replica knows; 0 if it knows of none. Of
 * two hints the one with the higher ballot holds. In leaderless mode the ballot is zero, and the
 * server is the replica itself, or 0 if it does not reach a quorum.
 */
export interface LeaderHint {
  readonly type: 'leader'
  readonly ballot: Ballot
  readonly server: ServerId
}

/**
 * The connection was idle and its place is needed: the replica ends it. It is to be dialled again
 * when there is something to ask.
 */
export interface Idle {
  readonly type: 'rest'
}

/** The cluster had not formed when this client was welcomed. Now it has, and this is its id. */
export interface FormationNotice {
  readonly type: 'formed'
  readonly clusterId: ClusterId
}

export type ReplicaMessage = Reply | Fail | LeaderHint | Idle | FormationNotice
