import { SynodError } from '../errors.js'
import { Histogram, type ReplicaMetrics } from '../metrics.js'
import type { ReplicaStatus } from '../status.js'
import type { Role } from '../paxos/proposer.js'

/** What a replica counts as things happen. All else that its metrics tell is in its status. */
export class ReplicaCounters {
  requests = 0
  refused = 0
  reads = 0
  staleReads = 0
  sent = 0
  received = 0
  messagesRefused = 0
  leaderChanges = 0
  readonly requestSeconds = new Histogram()
  readonly readSeconds = new Histogram()
  readonly fsyncSeconds = new Histogram()
  #elections = 0
  #won = 0
  #role: Role | undefined

  /** What the replica is to its cluster now. */
  isNow(role: Role): void {
    if (role === this.#role) return
    if (role === 'candidate') this.#elections++
    if (role === 'leader') this.#won++
    this.#role = role
  }

  /** Counts what is refused as there is no room, and returns why it is. */
  refusal(error: unknown): unknown {
    if (error instanceof SynodError && (error.code === 'overloaded' || error.code === 'disk-full'))
      this.refused++
    return error
  }

  metrics(
    status: ReplicaStatus,
    snapshots: { readonly taken: number; readonly received: number },
  ): ReplicaMetrics {
    const { watermarks, journal, peers, pendingQuorum } = status
    return {
      requests_total: this.requests,
      requests_refused_total: this.refused,
      reads_total: this.reads,
      stale_reads_total: this.staleReads,
      elections_total: this.#elections,
      elections_won_total: this.#won,
      leader_changes_total: this.leaderChanges,
      messages_sent_total: this.sent,
      messages_received_total: this.received,
      messages_refused_total: this.messagesRefused,
      messages_dropped_total: peers.reduce((sum, peer) => sum + peer.droppedMessages, 0),
      journal_groups_total: journal?.groups ?? 0,
      journal_bytes_total: journal?.bytes ?? 0,
      journal_fsyncs_total: journal?.fsyncs ?? 0,
      snapshots_total: snapshots.taken,
      snapshots_received_total: snapshots.received,
      stalls_total: status.stalls.count,
      leader: status.role === 'leader' ? 1 : 0,
      voting: status.voting ? 1 : 0,
      slot_snapshotted: watermarks.snapshotted,
      slot_executed: watermarks.executed,
      slot_chosen: watermarks.chosen,
      slot_voted: watermarks.voted,
      waiting: status.waiting,
      pending_quorum_seconds: (pendingQuorum?.forMs ?? 0) / 1000,
      clients: status.clients,
      client_held_bytes: status.held.bytes,
      sessions: status.sessions,
      peers_up: peers.filter(({ up }) => up).length,
      snapshot_bytes: status.snapshot.sizeBytes,
      journal_segments: journal?.segments ?? 0,
      journal_writing_seconds: (journal?.writingMs ?? 0) / 1000,
      log_time_seconds: status.time.executedMs / 1000,
      clock_ahead_seconds: status.time.clockAheadMs / 1000,
      clock_median_known: status.time.isMedianKnown ? 1 : 0,
      disk_free_bytes: status.space.freeBytes ?? 0,
      disk_reserved_bytes: status.space.reservedBytes,
      disk_low: status.space.state === 'ample' ? 0 : 1,
      disk_full: status.space.state === 'full' ? 1 : 0,
      uptime_seconds: status.uptimeMs / 1000,
      request_seconds: this.requestSeconds.data(),
      read_seconds: this.readSeconds.data(),
      fsync_seconds: this.fsyncSeconds.data(),
    }
  }
}
