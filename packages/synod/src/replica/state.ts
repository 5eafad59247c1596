import type { AnyMachine } from '../machine/machine.js'
import type { ClusterId } from '../cluster/cluster-id.js'
import { SynodError } from '../errors.js'
import type { Identity } from '../journal/identity.js'
import type { Reserve } from '../storage/reserve.js'
import { type Journal, journalFailed } from '../journal/journal.js'
import { type Execution, Executor } from '../machine/executor.js'
import type { Request } from '../machine/request.js'
import type { AnswerSnapshot } from '../net/peer/listener.js'
import type { SnapshotPiece } from '../net/client/messages.js'
import type { DigestReport, SnapshotRequest } from '../net/peer/messages.js'
import type { ServerId, Slot } from '../paxos/ballot.js'
import { Membership, foundingMembership } from '../paxos/membership.js'
import type { Input, Paxos } from '../paxos/paxos.js'
import type { Value } from '../paxos/value.js'
import { checkQuarantine, divergedError, saveQuarantine } from '../snapshots/quarantine.js'
import { SnapshotStore, type StoredSnapshot } from '../snapshots/snapshot-store.js'
import { type SnapshotFinding, judgeSnapshot } from '../snapshots/snapshot-table.js'
import type { SnapshotStatus } from '../status.js'
import { CatchUp } from './catch-up.js'
import { DIGEST_EVERY_SLOTS, type Disagreement, Divergence } from './divergence.js'
import type { Inbox } from './inbox.js'
import type { Settings } from './options.js'
import type { Peers } from './peers.js'
import { SnapshotService } from './snapshot-service.js'
import { Snapshots } from './snapshots.js'

const NOTHING: readonly Execution[] = []

/** A state machine as its newest snapshot has left it. */
export interface RestoredState<M extends AnyMachine> {
  readonly executor: Executor<M>
  readonly store: SnapshotStore
}

/** Rejects with `diverged`, `restore-failed`, `wrong-version` and `journal-failed`. */
export async function restoreState<M extends AnyMachine>(
  { dataDir, host, paxos, space }: Settings,
  machine: M,
  identity: Identity,
): Promise<RestoredState<M>> {
  const { founders, parameters, peers } = identity
  // A server that joins knows of no founders: a snapshot tells it who the members are.
  const founding = foundingMembership(founders, parameters.quorums ?? undefined, peers ?? {})
  const executor = new Executor(machine, new Membership(founding, paxos.window), host.build?.formats)
  try {
    await checkQuarantine(host.disk, dataDir)
    const store = await SnapshotStore.open(host.disk, dataDir, identity, space.snapshotBytes)
    if (store.newest !== undefined) await restore(executor, store, dataDir)
    return { executor, store }
  } catch (error) {
    if (error instanceof SynodError) throw error
    throw journalFailed(`the snapshots in ${dataDir} could not be read`, error)
  }
}

export interface StateParts {
  readonly settings: Settings
  readonly paxos: Paxos
  readonly peers: Peers
  /** None on a server that does not vote. */
  readonly journal: Journal | undefined
  /** Whether the disk is full. */
  readonly space: { readonly isShort: boolean }
  readonly inbox: Inbox
}

/**
 * The state of a replica: the state machine that executes what is chosen; the snapshots that are
 * made of it, and sent to peers; the snapshot of a peer that takes its place when this replica is
 * too far behind; and its digests, compared with those of the peers.
 */
export class State<M extends AnyMachine> {
  readonly executor: Executor<M>
  readonly #store: SnapshotStore
  readonly #parts: StateParts
  readonly #found: SnapshotFinding
  readonly #snapshots: Snapshots
  readonly #service: SnapshotService
  readonly #catchUp: CatchUp
  readonly #divergence: Divergence
  /** The state is being replaced, or it is wrong: nothing may be executed or read. */
  #isHalted = false
  #hasBegun = false
  #received = 0

  constructor({ executor, store }: RestoredState<M>, parts: StateParts) {
    const { inbox, journal, paxos, peers, settings, space } = parts
    const { host, logger, trace } = settings
    this.executor = executor
    if (trace !== undefined) {
      executor.onApplied((applied) => {
        trace.applied(applied, executor.codecs)
      })
    }
    this.#store = store
    this.#parts = parts
    this.#found = judgeSnapshot({
      snapshot: store.newest?.slot ?? 0,
      damaged: store.damaged,
      trimmed: paxos.log.state.trimmed,
      chosen: paxos.chosen,
    })
    if (this.#found.case !== 'none') logger.info({ case: this.#found.case }, this.#found.message)
    const executed = () => executor.executed
    const shared = { store, policy: settings.snapshots, executed, clock: host.clock, logger }
    this.#service = new SnapshotService({
      ...shared,
      take: () => {
        if (!this.#isHalted) this.#snapshots.take()
        return this.#snapshots.idle
      },
    })
    this.#snapshots = new Snapshots({
      ...shared,
      random: host.random,
      log: paxos.log,
      ballot: () => paxos.bound,
      snapshot: () => executor.snapshot(),
      journalBytes: () => journal?.stats.bytes ?? 0,
      isShort: () => space.isShort,
      isServing: () => this.#service.isServing,
      trim: (slot) => {
        inbox.step({ type: 'trim', slot })
      },
    })
    this.#catchUp = new CatchUp({
      ...shared,
      peers: () => peers.connectedFirst,
      open: (peer, events) => peers.openSnapshotLink(peer, events),
      install: (snapshot) => this.#install(snapshot),
    })
    this.#divergence = new Divergence({
      servers: () => paxos.membership.servers.length,
      onDiverged: (at) => {
        this.#quarantine(at)
      },
      onDisagreement: ({ agreed, slot, with: others }) => {
        const who = others.map((server) => `s${server}`).join(', ')
        const where = `at slot ${slot}, after slot ${agreed}`
        logger.error({ slot, agreed }, `this replica and ${who} have come to different states ${where}`)
      },
    })
  }

  /** Up to which slot the state may be read; -1 while it may not be read at all. */
  get readable(): Slot {
    return this.#isHalted ? -1 : this.executor.executed
  }

  /** Space for the next snapshot. */
  get reserve(): Reserve {
    return this.#store.reserve
  }

  get snapshotted(): Slot {
    return Math.min(this.#store.newest?.slot ?? 0, this.executor.executed)
  }

  /** How many snapshots were taken here, and how many came from peers. */
  get counts() {
    return { taken: this.#snapshots.taken, received: this.#received }
  }

  get status(): SnapshotStatus {
    const { sizeBytes, slot } = this.#store.newest ?? { sizeBytes: 0, slot: 0 }
    return {
      slot,
      sizeBytes,
      writing: this.#snapshots.isWriting,
      serving: this.#service.isServing,
      arriving: this.#catchUp.status,
      found: this.#found.case,
    }
  }

  /** The cluster has formed. */
  identify(clusterId: ClusterId): void {
    this.#store.identify(clusterId)
  }

  /** The format of the replicated state that the members have agreed on, as of what is executed. */
  get format(): number {
    return this.executor.agreed.format
  }

  /** Whether all members know a command. What cannot be decoded fails when it is executed. */
  isKnownByAll(request: Request): boolean {
    try {
      return this.executor.isKnownByAll(request)
    } catch {
      return true
    }
  }

  /**
   * This server takes part now. Returns what the core has to take first: the slots of the snapshot
   * are chosen, though the journal may not know all of that.
   */
  begin(): Input | undefined {
    this.#hasBegun = true
    const slot = this.#store.newest?.slot ?? 0
    if (slot <= this.#parts.paxos.chosen) return undefined
    return { type: 'trim', slot, membership: this.executor.membership }
  }

  /**
   * Throws `wrong-version` where what is chosen, and not executed yet, raises the versions to what
   * this build does not know.
   */
  checkVersions(): void {
    const { chosen, log } = this.#parts.paxos
    this.executor.checkVersions((slot) => (slot > chosen ? undefined : log.chosen(slot)))
  }

  /**
   * Executes what is chosen and not executed yet, and returns the results, in the order of the
   * slots.
   */
  execute(): readonly Execution[] {
    const { executor } = this
    const { paxos } = this.#parts
    if (this.#isHalted) return NOTHING
    const { trimmed } = paxos.log.state
    // A server that does not know the membership, as one that joins, needs a snapshot first.
    if (executor.executed < trimmed || !paxos.membership.isKnown) {
      if (this.#hasBegun) this.#catchUp.need(Math.max(trimmed, 1))
      return NOTHING
    }
    if (executor.executed >= paxos.chosen) return NOTHING
    const executions: Execution[] = []
    while (executor.executed < paxos.chosen) {
      const some = this.#executeSome(executor.executed + 1)
      if (some === 'failed') break
      // A state that has diverged gives no answers.
      const { executed } = executor
      if (executed % DIGEST_EVERY_SLOTS === 0 && !this.#compareDigest(executed)) break
      executions.push(...some)
    }
    return executions
  }

  /** Takes a snapshot if one is due. */
  turnEnded(): void {
    if (!this.#isHalted) this.#snapshots.takeIfDue()
  }

  /** A peer has dropped slots that are needed here. */
  behind(peer: ServerId, slot: Slot): void {
    this.#catchUp.need(slot, peer)
  }

  onDigest(from: ServerId, { digest, slot }: DigestReport): void {
    this.#divergence.onDigest(from, slot, digest)
  }

  /**
   * A piece of a new snapshot where `slot` is 0, or of the one that was begun with. Rejects with
   * `overloaded` and `snapshot-failed`.
   */
  save(slot: Slot, offset: number, owner: object): Promise<SnapshotPiece> {
    return this.#service.save(slot, offset, owner)
  }

  onSnapshotRequest(from: ServerId, request: SnapshotRequest, answer: AnswerSnapshot): void {
    this.#service.onRequest(from, request, answer)
  }

  async stop(): Promise<void> {
    await this.#snapshots.stop()
    await this.#catchUp.stop()
  }

  /**
   * A snapshot of a peer is durable here: it takes the place of the state, unless that has come
   * further by itself.
   */
  async #install({ slot }: StoredSnapshot): Promise<void> {
    const { inbox, settings } = this.#parts
    await this.#snapshots.idle
    if (this.#isHalted) return
    if (slot > this.executor.executed) {
      this.#isHalted = true
      try {
        await restore(this.executor, this.#store, settings.dataDir)
      } catch (error) {
        inbox.post({ type: 'failed', error: error as SynodError })
        return
      }
      this.#isHalted = false
      this.#divergence.restored()
    }
    this.#received++
    settings.logger.info({ slot }, `goes on from the snapshot of slot ${slot}`)
    inbox.step({ type: 'trim', slot, membership: this.executor.membership })
    inbox.post({ type: 'restored' })
  }

  /**
   * Executes one slot, or where the state machine takes batches all up to the next comparison of
   * digests. A state that may change by itself is neither shown nor kept.
   */
  #executeSome(first: Slot): readonly Execution[] | 'failed' {
    const { chosen, log } = this.#parts.paxos
    const end = Math.min(chosen, Math.ceil(first / DIGEST_EVERY_SLOTS) * DIGEST_EVERY_SLOTS)
    const values: Value[] = []
    for (let slot = first; slot <= (this.executor.takesBatches ? end : first); slot++) {
      const value = log.chosen(slot)
      if (value === undefined) throw new RangeError(`slot ${slot} is chosen, but has no value`)
      values.push(value)
    }
    try {
      return this.executor.executeAll(first, values)
    } catch (error) {
      if (!(error instanceof SynodError)) throw error
      this.#isHalted = true
      this.#parts.inbox.post({ type: 'failed', error })
      return 'failed'
    }
  }

  /** Answers whether this replica may go on. */
  #compareDigest(slot: Slot): boolean {
    const { digest } = this.executor
    this.#parts.peers.reportAll({ type: 'digest', slot, digest })
    this.#divergence.executed(slot, digest)
    return !this.#isHalted
  }

  /**
   * More than half of the servers came to another state: this replica stops, and does not start on
   * its state again.
   */
  #quarantine(at: Disagreement): void {
    const { inbox, settings } = this.#parts
    if (this.#isHalted) return
    this.#isHalted = true
    void saveQuarantine(settings.host.disk, settings.dataDir, at)
      .catch(() => undefined)
      .then(() => {
        inbox.post({ type: 'failed', error: divergedError(settings.dataDir, at) })
      })
  }
}

type Generic = State<AnyMachine>

/** The state of a replica, for those to whom the types of its machine do not matter. */
export type AnyState = Omit<Generic, 'executor'> & {
  readonly executor: Pick<
    Generic['executor'],
    'agreed' | 'digest' | 'executed' | 'identify' | 'sessions' | 'support'
  >
}

/** Rejects with `restore-failed` and `wrong-version`: what is in the machine then is of no use. */
async function restore<M extends AnyMachine>(
  executor: Executor<M>,
  store: SnapshotStore,
  directory: string,
): Promise<void> {
  try {
    await executor.restore(store.parts())
  } catch (error) {
    if (error instanceof SynodError && error.code === 'wrong-version') throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new SynodError('restore-failed', `the snapshot in ${directory} could not be restored: ${reason}`, {
      cause: error,
    })
  }
}
