import type { Slot } from '../../paxos/ballot.js'
import type { Message } from '../../paxos/messages.js'

/**
 * Asks a peer for a piece of its newest snapshot, on a connection for that alone. The next request
 * waits for the answer.
 */
export interface SnapshotRequest {
  readonly type: 'snapshot-request'
  /** Older snapshots than this are of no use. */
  readonly atLeast: Slot
  /** The snapshot that is arriving, and how much of it has; 0 and 0 for whichever is the newest. */
  readonly slot: Slot
  readonly offset: number
}

/**
 * A piece of the file that holds the peer's newest snapshot. Where that is not the one asked for,
 * its first piece.
 */
export interface SnapshotChunk {
  readonly type: 'snapshot-chunk'
  readonly slot: Slot
  /** Of the whole file. */
  readonly sizeBytes: number
  readonly offset: number
  readonly bytes: Uint8Array
}

/** The peer has no such snapshot at the moment, or no time: ask again, or another peer. */
export interface NoSnapshot {
  readonly type: 'no-snapshot'
}

/** The sender's checksum over all commands and results up to a slot. */
export interface DigestReport {
  readonly type: 'digest'
  readonly slot: Slot
  readonly digest: number
}

/**
 * How much space a disk has: enough; less than the operator should let be; too little for writes.
 */
export type SpaceState = 'ample' | 'low' | 'full'

/**
 * For how many milliseconds the sender's disk has been at one write, 0 if none is slow; and how
 * much space it has. Sent again and again while either is a trouble.
 */
export interface DiskReport {
  readonly type: 'disk'
  readonly writingMs: number
  readonly space: SpaceState
}

/** Asks what the wall clock of the receiver shows. */
export interface ClockRequest {
  readonly type: 'clock-request'
  /** Numbers the question, so that no answer to an earlier one passes for its answer. */
  readonly round: number
}

/**
 * What the wall clock of the sender showed when it was asked: milliseconds since 1970, a whole
 * number up to `MAX_WALL_MS`.
 */
export interface ClockAnswer {
  readonly type: 'clock'
  readonly round: number
  readonly wallMs: number
}

/** The latest that a wall clock may show: the end of the year 9999. */
export const MAX_WALL_MS = 253_402_300_799_999

export type ClockReport = ClockRequest | ClockAnswer

/**
 * How far the journals of acceptors have come, the sender's own among them: for each, how many
 * groups of records are durable.
 */
export interface GroupCountsReport {
  readonly type: 'group-counts'
  /** At most 255. An acceptor is named by 32 hexadecimal digits. */
  readonly groupCounts: readonly { readonly acceptor: string; readonly groupCount: number }[]
}

/** Messages between servers that the core never sees, sent on the connection of the protocol. */
export type PeerReport = DigestReport | DiskReport | ClockReport | GroupCountsReport

export type SnapshotReply = SnapshotChunk | NoSnapshot

/** What servers say to each other, once they have introduced themselves. */
export type PeerMessage = Message | PeerReport | SnapshotRequest | SnapshotReply
