export type { CallOptions, ExecuteOptions, TransferOptions } from './call.js'
export type { Agreed, Support, VersionRange } from './cluster/versions.js'
export { Client, type ConnectOptions, type EndpointStatus, connect } from './client/client.js'
export { type ErrorCode, SynodError, type SynodErrorOptions, type PendingRequest } from './errors.js'
export { explain } from './explain.js'
export {
  type FoundHeader,
  type GroupInspection,
  type JournalInspection,
  type RecordSummary,
  type SegmentInspection,
  inspectJournal,
} from './journal/inspect.js'
export { type HistogramData, METRICS, type MetricName, type ReplicaMetrics } from './metrics.js'
export type { Logger } from './logger.js'
export { type Codec, type Codecs, jsonCodec } from './machine/codec.js'
export {
  type Commands,
  type DefinedMachine,
  type MachineDefinition,
  type MachineParts,
  type Queries,
  defineMachine,
} from './machine/define-machine.js'
export {
  type ApplyContext,
  type AnswerOf,
  type AnyMachine,
  type BatchedCommand,
  type CodecsOf,
  type CommandOf,
  type QueryOf,
  type ResultOf,
  MAX_SNAPSHOT_CHUNK_BYTES,
  type Machine,
} from './machine/machine.js'
export type { Following } from './machine/following.js'
export type { MachineCheck } from './machine/machine-check.js'
export type { NamedCall, NamedResult } from './machine/named-call.js'
export { type Position, comparePositions } from './machine/position.js'
export { Refusal } from './machine/refusal.js'
export type { Replicated } from './machine/replicated.js'
export { SnapshotMap } from './machine/snapshot-map.js'
export { type Address, parseAddress } from './net/transport/network.js'
export type { SavedSnapshot } from './net/client/saved-snapshot.js'
export { type Ballot, type ServerId, type Slot, compareBallots, formatBallot } from './paxos/ballot.js'
export type { Mode } from './paxos/config.js'
export type { Watermarks } from './paxos/invariants.js'
export type { LeaseStatus } from './paxos/paxos.js'
export type { Role } from './paxos/proposer.js'
export type { Quorums } from './paxos/quorum.js'
export type { MembershipChange } from './machine/membership-change.js'
export type { MemberRole } from './paxos/membership.js'
export {
  type OldMember,
  type RecoverOptions,
  type RecoveredCluster,
  type RecoveryPlan,
  type RecoveryProgress,
  type RecoverySource,
  recoverCluster,
} from './recovery/recover-cluster.js'
export { type RestoreOptions, type RestoredCluster, restoreCluster } from './recovery/restore-cluster.js'
export { type SnapshotInfo, type SnapshotInfoOptions, readSnapshotInfo } from './recovery/snapshot-info.js'
export type { AppliedBatch, AppliedOptions } from './replica/applied.js'
export type { CurrentLeadership } from './replica/leadership.js'
export type { ClusterOptions, ReplicaOptions } from './replica/options.js'
export { type FollowOptions, Replica } from './replica/replica.js'
export type { Leading } from './replica/while-leader.js'
export type { StaleAnswer, StaleReadOptions } from './machine/stale-read.js'
export type { TraceEvent } from './trace/trace-event.js'
export { rebuildReplica } from './recovery/rebuild.js'
export type {
  ArrivalStatus,
  MemberStatus,
  PeerStatus,
  PendingQuorumStatus,
  ReplicaStatus,
  SnapshotStatus,
  Stalls,
  VersionStatus,
} from './status.js'

// What the types above name.
export type { Clock } from './clock.js'
export type { ClusterId } from './cluster/cluster-id.js'
export type { ClusterParameters } from './cluster/parameters.js'
export type { AcceptorId, Addresses, Identity, IdentityOptions, PeerAcceptors } from './journal/identity.js'
export type { JournalStats } from './journal/journal.js'
export type { AcceptorGroupCount, GroupCountsRecord } from './journal/record-codec.js'
export type { RecoveryFinding, RecoveryCase, RecoveryOutcome } from './journal/recovery-table.js'
export type { SegmentHeader } from './journal/segment.js'
export type { HistogramName, NumberName } from './metrics.js'
export type { SpaceState } from './net/peer/messages.js'
export type { LinkStatus } from './net/transport/link.js'
export type {
  Listener,
  Network,
  OpenSocket,
  Socket,
  SocketClosed,
  SocketEvents,
} from './net/transport/network.js'
export type { Scope } from './paxos/messages.js'
export type { PendingQuorum } from './paxos/proposer.js'
export type { ChosenRecord, PromiseRecord, TrimRecord } from './paxos/records.js'
export type { RecoveryHost } from './recovery/recover-cluster.js'
export type { Build, Host } from './replica/host.js'
export type { SnapshotPolicy } from './replica/snapshots.js'
export type { PaddingOptions } from './journal/padding.js'
export type { SpaceLimits } from './replica/space-limits.js'
export type { SnapshotCase } from './snapshots/snapshot-table.js'
export type { HeldStatus, SpaceStatus, TimeStatus } from './status.js'
export type { Disk, DiskFile, OpenMode } from './storage/disk.js'
export type { Exchange, ReplicaEvent } from './trace/trace-event.js'
