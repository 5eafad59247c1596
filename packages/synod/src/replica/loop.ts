import { SynodError } from '../errors.js'
import type { Journal } from '../journal/journal.js'
import type { Execution } from '../machine/executor.js'
import type { PeerWelcome } from '../net/hello.js'
import type { ServerId, Slot } from '../paxos/ballot.js'
import type { Mode } from '../paxos/config.js'
import type { Message } from '../paxos/messages.js'
import type { Input, Paxos } from '../paxos/paxos.js'
import type { Admission } from './admission.js'
import type { Founding } from './agreement.js'
import type { ClientService } from './client-service.js'
import type { Clocks } from './clocks.js'
import type { CommandService } from './command-service.js'
import type { ReplicaCounters } from './replica-counters.js'
import type { Driver } from './driver.js'
import type { Shutdown } from './shutdown.js'
import type { Formation } from './formation.js'
import type { Arrival, Inbox } from './inbox.js'
import type { Leadership } from './leadership.js'
import type { Members } from './members.js'
import type { Peers } from './peers.js'
import type { GroupCountReports } from './group-count-reports.js'
import type { ProgressWatch } from './progress-watch.js'
import type { Follows } from './follows.js'
import type { PendingReads } from './pending-reads.js'
import type { SpaceGuard } from './space-guard.js'
import type { AnyState } from './state.js'
import type { Subscriptions } from './subscriptions.js'
import type { Transfers } from './transfers.js'
import type { VersionRaiser } from './version-raiser.js'

export interface LoopParts {
  readonly self: ServerId
  readonly mode: Mode
  /** A write that takes longer than this is stuck. */
  readonly diskPatienceMs: number
  readonly inbox: Inbox
  readonly paxos: Paxos
  readonly journal: Journal | undefined
  readonly driver: Driver
  readonly peers: Peers
  readonly formation: Formation
  readonly admission: Admission
  readonly groupCountReports: GroupCountReports | undefined
  readonly leadership: Leadership
  readonly progress: ProgressWatch
  readonly members: Members
  readonly versions: VersionRaiser
  readonly transfers: Transfers
  readonly clocks: Clocks
  readonly spaceGuard: SpaceGuard
  readonly commands: CommandService
  readonly reads: PendingReads
  readonly follows: Follows
  readonly state: AnyState
  readonly service: ClientService
  readonly applied: { restored(): void }
  readonly subscriptions: Subscriptions
  readonly counts: ReplicaCounters
  readonly shutdown: Shutdown
}

/**
 * The turns of a replica. At the end of each turn of the event loop in which something happened, in
 * this order: take in all that arrived, step the core, send to the peers, hand the records to the
 * disk, execute what is chosen, answer.
 */
export class Loop {
  readonly #parts: LoopParts
  /** Whether this server takes part: the core is given inputs. */
  #hasStarted = false
  /** The core knows that the slots up to this one are executed. */
  #archived: Slot = 0

  constructor(parts: LoopParts) {
    this.#parts = parts
  }

  begin(): void {
    this.#parts.inbox.open(() => {
      this.#turn()
    })
    this.#parts.inbox.wake()
  }

  #turn(): void {
    const { admission, commands, driver, shutdown, inbox, state } = this.#parts
    try {
      for (const arrival of inbox.take()) {
        this.#takeIn(arrival)
        if (admission.outdated !== undefined) shutdown.outdated(admission.outdated)
        if (shutdown.hasBegun) return
        this.#startIfReady()
      }
      this.#startIfReady()
      this.#refreshLeadership()
      this.#archive()
      this.#propose()
      driver.flush()
      this.#answer(this.#hasStarted ? state.execute() : [])
      inbox.tickAt(Math.min(driver.deadlineMs, commands.dueMs))
    } catch (error) {
      shutdown.fail(fatal(error))
    }
  }

  #takeIn(arrival: Arrival): void {
    const { admission, applied, clocks, commands, shutdown, formation, members } = this.#parts
    const { groupCountReports, reads, state, versions } = this.#parts
    switch (arrival.type) {
      case 'tick':
        this.#tick()
        break
      case 'input':
        this.#step(arrival.input)
        break
      case 'messages':
        this.#receive(arrival.from, arrival.batch)
        break
      case 'digest':
        state.onDigest(arrival.from, arrival.report)
        break
      case 'clock':
        clocks.onReport(arrival.from, arrival.report)
        break
      case 'group-counts':
        groupCountReports?.onReport(arrival.report)
        break
      case 'snapshot-request':
        state.onSnapshotRequest(arrival.from, arrival.request, arrival.answer)
        break
      case 'connected':
        this.#connected(arrival.welcome)
        break
      case 'unreachable':
        admission.unreachable(arrival.peer)
        break
      case 'complete':
        formation.write(arrival.founding)
        break
      case 'formed':
        if (formation.form(arrival.founding)) this.#formed(arrival.founding)
        break
      case 'refused-as-removed':
        members.refused(arrival.by)
        break
      case 'durable':
        this.#durable(arrival.recordCount)
        break
      case 'space':
        this.#makeRoom()
        break
      case 'restored':
        applied.restored()
        reads.executed()
        commands.skipped()
        commands.restart()
        versions.refresh()
        break
      case 'failed':
        shutdown.fail(arrival.error)
        break
    }
  }

  #startIfReady(): void {
    const { admission, commands, formation, state, versions } = this.#parts
    if (this.#hasStarted || !formation.isFormed || !admission.isAdmitted) return
    this.#hasStarted = true
    // What the snapshot holds comes first: a message must not find the log without it.
    const first = state.begin()
    if (first !== undefined) this.#step(first)
    this.#step({ type: 'tick' })
    commands.begin()
    versions.begin()
  }

  /** What the turns before this one have executed is rarely read from now on. */
  #archive(): void {
    const slot = this.#parts.state.executor.executed
    if (!this.#hasStarted || slot <= this.#archived) return
    this.#archived = slot
    this.#parts.driver.step({ type: 'executed', slot })
  }

  #step(input: Input): void {
    if (!this.#hasStarted) return
    this.#parts.driver.step(input)
    this.#refresh()
  }

  #receive(from: ServerId, batch: readonly Message[]): void {
    if (!this.#hasStarted) return
    const { commands, counts, driver, peers } = this.#parts
    counts.received += batch.length
    for (const message of batch) {
      // One message may tell that the next one must not be heard.
      if (peers.isRejected(from)) return
      const { type } = message
      driver.receive(
        from,
        type === 'forward' ? { type, values: commands.takeForwarded(message.values) } : message,
      )
      this.#refresh()
    }
  }

  #connected({ electorate, heard, server }: PeerWelcome): void {
    const { admission, clocks, groupCountReports } = this.#parts
    clocks.onConnected(server)
    groupCountReports?.forget(server)
    admission.welcomed(server, heard, electorate)
  }

  #durable(recordCount: number): void {
    const { counts, driver, journal, members } = this.#parts
    counts.fsyncSeconds.record((journal?.lastFsyncMs ?? 0) / 1000)
    driver.durable(recordCount)
    members.durable(recordCount)
    this.#refresh()
  }

  #formed({ acceptors, clusterId }: Founding): void {
    this.#parts.driver.step({ type: 'founded', acceptors })
    this.#parts.service.sendFormed(clusterId)
  }

  #makeRoom(): void {
    const { formation, paxos, self, spaceGuard } = this.#parts
    if (formation.isFormed && paxos.leader === self) spaceGuard.makeRoom()
  }

  /** After each step of the core. */
  #refresh(): void {
    this.#parts.members.refresh()
    this.#parts.progress.refresh()
  }

  /** Clients are told of a new leader, which is handed everything that waits here. */
  #refreshLeadership(): void {
    const { commands, counts, leadership, mode, service, transfers } = this.#parts
    const changed = leadership.refresh()
    transfers.refresh()
    if (!changed) return
    const { hint } = leadership
    counts.leaderChanges++
    service.sendHint(hint)
    if (mode === 'leader' && hint.server !== 0) commands.restart()
  }

  /** The requests and reads of this turn go into the core, each as one input. */
  #propose(): void {
    if (!this.#hasStarted) return
    const { commands, driver, reads } = this.#parts
    const proposals = commands.takeProposals(driver.capacity, driver.capacityBytes)
    if (proposals !== undefined) this.#step(proposals)
    const id = reads.takeNew()
    if (id !== undefined) this.#step({ type: 'read', id })
  }

  #answer(executions: readonly Execution[]): void {
    const { commands, driver, follows, reads, service, state, subscriptions, versions } = this.#parts
    commands.answer(executions)
    commands.turnEnded()
    versions.refresh()
    reads.executed()
    for (const read of driver.takeReads()) reads.confirm(read)
    follows.answerSome()
    const behind = driver.takeBehind()
    if (behind !== undefined) state.behind(behind.peer, behind.slot)
    state.turnEnded()
    subscriptions.wake()
    service.flush()
  }

  #tick(): void {
    const { diskPatienceMs, journal } = this.#parts
    if (journal !== undefined && journal.writingMs > diskPatienceMs) this.#step({ type: 'disk-stuck' })
    this.#step({ type: 'tick' })
  }
}

function fatal(error: unknown): SynodError {
  if (error instanceof SynodError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new SynodError('invariant-violated', `the replica cannot go on: ${message}`, { cause: error })
}
