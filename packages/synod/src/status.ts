import type { ClusterId } from './cluster/cluster-id.js'
import type { Agreed, Support } from './cluster/versions.js'
import type { AcceptorId } from './journal/identity.js'
import type { RecoveryCase } from './journal/recovery-table.js'
import type { SnapshotCase } from './snapshots/snapshot-table.js'
import type { JournalStats } from './journal/journal.js'
import type { LinkStatus } from './net/transport/link.js'
import type { SpaceState } from './net/peer/messages.js'
import type { Ballot, ServerId, Slot } from './paxos/ballot.js'
import type { Mode } from './paxos/config.js'
import type { Watermarks } from './paxos/invariants.js'
import type { MemberRole } from './paxos/membership.js'
import type { LeaseStatus } from './paxos/paxos.js'
import type { PendingQuorum, Role } from './paxos/proposer.js'

/** What decides on the commands and records of a cluster: docs/operating/upgrade.md. */
export interface VersionStatus {
  /** What this build and its state machine can work with. */
  readonly support: Support
  /** What all members have agreed on, as of the executed watermark. */
  readonly agreed: Agreed
}

/** Another server, as a replica sees it. */
export interface PeerStatus extends LinkStatus {
  readonly server: ServerId
  /**
   * Which acceptor it is, by the identity of its data directory; null while it is not connected.
   */
  readonly acceptor: AcceptorId | null
  /** What its build and its state machine can work with; null while it is not connected. */
  readonly support: Support | null
  /** For how long its disk has been at one write, as it says; 0 if it says nothing of the kind. */
  readonly writingMs: number
  /** How much space its disk has, as it says. */
  readonly space: SpaceState
}

/** A member of the cluster. */
export interface MemberStatus {
  readonly server: ServerId
  readonly role: MemberRole
  /** Of one that is joining: the voter whose place it will take; 0 for none. */
  readonly replaces: ServerId
  readonly address: string
  /** Which acceptor has the vote, if it has one. */
  readonly acceptor: AcceptorId | null
}

/**
 * How often, since it was opened, the process of a replica stood still for 50 ms or more, and for
 * how long at most.
 */
export interface Stalls {
  readonly count: number
  readonly longestMs: number
}

/** A snapshot on its way from a peer. */
export interface ArrivalStatus {
  readonly from: ServerId
  /** The slot that it is of; 0 while nothing has arrived. */
  readonly slot: Slot
  readonly arrivedBytes: number
  readonly sizeBytes: number
}

/** The snapshots of a replica. */
export interface SnapshotStatus {
  /** Of the newest one; 0 while there is none. */
  readonly slot: Slot
  readonly sizeBytes: number
  /** One is being written. */
  readonly writing: boolean
  /** A peer is getting the newest one. */
  readonly serving: boolean
  readonly arriving: ArrivalStatus | null
  /** How snapshot and journal stood to each other when the replica started. */
  readonly found: SnapshotCase
}

/** What keeps slots from being chosen, where it is this replica's to choose them. */
export interface PendingQuorumStatus extends PendingQuorum {
  /** For how long the chosen watermark has not moved. */
  readonly forMs: number
}

/** What a replica holds for clients, in any form. docs/reference/limits.md has the limits. */
export interface HeldStatus {
  readonly bytes: number
  /** The most since the replica was opened. */
  readonly mostBytes: number
  /** Of the bytes, those of frames whose end has not arrived. */
  readonly unfinishedBytes: number
}

/** Clocks that differ by more than this are not all right. */
export const MAX_APART_MS = 1000

/** Log time, and the wall clock of this server beside it: docs/concepts/state-machines.md. */
export interface TimeStatus {
  /**
   * The latest stamp of what was executed here, in milliseconds since 1970; 0 before anything was.
   */
  readonly executedMs: number
  /**
   * What this replica would stamp a command with now; 0 in a new cluster in which too few clocks of
   * voters are known yet.
   */
  readonly logMs: number
  /**
   * How far the wall clock of this server is ahead of `logMs`; below 0 where it is behind; 0 where
   * `logMs` is.
   */
  readonly clockAheadMs: number
  /**
   * Whether the clocks of enough voters are known, and near enough to each other, to tell their
   * median within a second.
   */
  readonly isMedianKnown: boolean
}

/** The space that the disk of a data directory has left. */
export interface SpaceStatus {
  readonly state: SpaceState
  /** As the system last said; null where it has said nothing yet. */
  readonly freeBytes: number | null
  /** Allocated beforehand, for what must be written on a full disk. */
  readonly reservedBytes: number
}

/** A replica at one moment, as plain data. */
export interface ReplicaStatus {
  readonly server: ServerId
  /** The name of the cluster. */
  readonly cluster: string
  /** What tells it from others of that name; null until it has formed. */
  readonly clusterId: ClusterId | null
  readonly mode: Mode
  readonly role: Role
  /**
   * The ballot that it leads at or follows; zero in leaderless mode, where each slot has its own.
   */
  readonly ballot: Ballot
  /** Who leads, as far as it knows. */
  readonly leader: ServerId | null
  /** All servers have met once; from then on they vote. */
  readonly formed: boolean
  /**
   * A quorum has confirmed that the data directory is no old copy; before that the server takes no
   * part.
   */
  readonly admitted: boolean
  /** False for a server that may have forgotten votes: it learns only. `damage` says why. */
  readonly voting: boolean
  readonly damage: string | null
  readonly watermarks: Watermarks
  /** A checksum over everything executed. */
  readonly digest: number
  readonly versions: VersionStatus
  readonly peers: readonly PeerStatus[]
  /** The members, as of the chosen watermark; none while they are not known. */
  readonly members: readonly MemberStatus[]
  /** Open sessions, requests and reads that wait here, and connected clients. */
  readonly sessions: number
  readonly waiting: number
  readonly clients: number
  readonly held: HeldStatus
  readonly recovery: RecoveryCase
  /** Null on a server that does not vote. */
  readonly journal: JournalStats | null
  readonly space: SpaceStatus
  readonly pendingQuorum: PendingQuorumStatus | null
  /** Whether it answers reads alone; null in a cluster without leases. */
  readonly lease: LeaseStatus | null
  readonly snapshot: SnapshotStatus
  readonly time: TimeStatus
  readonly stalls: Stalls
  readonly uptimeMs: number
}
