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
  type ApplyContext,
  type AnswerOf,
  type AnyMachine,
  type BatchedCommand,
  type CommandOf,
  type QueryOf,
  type ResultOf,
  MAX_SNAPSHOT_CHUNK_BYTES,
  type Machine,
} from './machine/machine.js'
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
