import type { SynodError } from '../errors.js'
import { explainNoQuorum } from '../explain.js'
import type { OpenedJournal } from '../journal/open-journal.js'
import type { ReplicaMetrics } from '../metrics.js'
import { formatAddress } from '../net/transport/network.js'
import type { Paxos } from '../paxos/paxos.js'
import type { MemberStatus, ReplicaStatus } from '../status.js'
import { unansweredError } from '../unanswered.js'
import type { Admission } from './admission.js'
import type { ClientService } from './client-service.js'
import type { Clocks } from './clocks.js'
import type { CommandService } from './command-service.js'
import type { ReplicaCounters } from './replica-counters.js'
import type { DiskSpace } from './disk-space.js'
import type { Driver } from './driver.js'
import type { Formation } from './formation.js'
import type { Leadership } from './leadership.js'
import type { Settings } from './options.js'
import type { Peers } from './peers.js'
import type { ProgressWatch } from './progress-watch.js'
import type { PendingReads } from './pending-reads.js'
import type { StallWatch } from './stall-watch.js'
import type { AnyState } from './state.js'

export interface StatusReportParts {
  readonly settings: Settings
  readonly opened: OpenedJournal
  readonly paxos: Paxos
  readonly driver: Driver
  readonly peers: Peers
  readonly formation: Formation
  readonly admission: Admission
  readonly leadership: Leadership
  readonly progress: ProgressWatch
  readonly state: AnyState
  readonly commands: CommandService
  readonly reads: PendingReads
  readonly clocks: Clocks
  readonly space: DiskSpace
  readonly stalls: StallWatch
  readonly counts: ReplicaCounters
  /** It is made after the report, which it tells. */
  readonly service: () => ClientService
}

/** Tells what a replica is doing, as plain data. */
export class StatusReport {
  readonly #parts: StatusReportParts
  readonly #startedMs: number

  constructor(parts: StatusReportParts) {
    this.#parts = parts
    this.#startedMs = parts.settings.host.clock.now()
  }

  status(): ReplicaStatus {
    const { admission, clocks, commands, formation, opened, paxos, peers, progress } = this.#parts
    const { reads, settings, space, stalls, state } = this.#parts
    const { clusterName, host, id, mode } = settings
    const { ballot, chosen, leader, pendingQuorum, role, voted } = paxos.status()
    const { damage, journal, recovery } = opened
    const { executed } = state.executor
    const nowMs = host.clock.now()
    const service = this.#parts.service()
    return {
      server: id,
      cluster: clusterName,
      clusterId: peers.clusterId,
      mode,
      role,
      ballot,
      leader: leader ?? null,
      formed: formation.isFormed,
      admitted: admission.isAdmitted,
      voting: damage === undefined,
      damage: damage?.message ?? null,
      watermarks: {
        snapshotted: state.snapshotted,
        executed,
        // The log is told of what the snapshot holds when this server takes part.
        chosen: Math.max(chosen, executed),
        voted: Math.max(voted, executed),
      },
      digest: state.executor.digest,
      versions: { support: state.executor.support, agreed: state.executor.agreed },
      peers: peers.status(),
      members: this.members(),
      sessions: state.executor.sessions,
      waiting: commands.waiting + reads.size,
      clients: service.size,
      held: service.held,
      recovery: recovery.case,
      journal: journal?.stats ?? null,
      space: space.status,
      lease: paxos.lease(nowMs) ?? null,
      pendingQuorum:
        pendingQuorum === undefined ? null : { ...pendingQuorum, forMs: nowMs - progress.changedMs },
      snapshot: state.status,
      time: clocks.status,
      stalls: stalls.status,
      uptimeMs: nowMs - this.#startedMs,
    }
  }

  metrics(): ReplicaMetrics {
    const { counts, driver, state } = this.#parts
    counts.sent = driver.sent
    counts.messagesRefused = driver.refused
    return counts.metrics(this.status(), state.counts)
  }

  /** Why a call was not answered within this time. */
  timeoutError(timeoutMs: number): SynodError {
    const { admission, formation, leadership } = this.#parts
    const isOut = !formation.isFormed || !admission.isAdmitted || leadership.hint.server === 0
    return unansweredError(timeoutMs, isOut ? explainNoQuorum(this.status()) : null)
  }

  /** The members, with the addresses at which this server reaches them. */
  members(): MemberStatus[] {
    const { paxos, settings } = this.#parts
    return paxos.membership.state.members.map((member) => {
      const given = settings.addresses.get(member.server)
      const address = given === undefined ? member.address : formatAddress(given)
      return { ...member, address, acceptor: member.acceptor === '' ? null : member.acceptor }
    })
  }
}
