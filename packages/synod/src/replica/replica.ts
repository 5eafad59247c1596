import { type CallOptions, Calls, type TransferOptions, checkCall, checkTransfer } from '../call.js'
import { SynodError } from '../errors.js'
import { explainNoQuorum } from '../explain.js'
import type { AcceptorId, Identity } from '../journal/identity.js'
import type { Journal } from '../journal/journal.js'
import type { OpenedJournal } from '../journal/open-journal.js'
import { damageWords, openJournal } from '../journal/open-journal.js'
import { type Outdated, outdatedWords, saveOutdated } from '../journal/outdated.js'
import { decodeAnswered, encodeGiven } from '../machine/contract.js'
import type { Machine } from '../machine/machine.js'
import { type MembershipChange, checkChange } from '../machine/membership-change.js'
import {
  type StaleAnswer,
  type StaleReadOptions,
  checkStaleRead,
  staleAnswer,
} from '../machine/stale-read.js'
import { encodePiece } from '../net/client/codec.js'
import type { LeaderHint } from '../net/client/messages.js'
import { EarlyListeners } from '../net/transport/early-listeners.js'
import { formatAddress } from '../net/transport/network.js'
import { openIntake } from '../net/transport/intake.js'
import { type SavedSnapshot, savedSnapshot } from '../net/client/saved-snapshot.js'
import type { ServerId, Slot } from '../paxos/ballot.js'
import type { Message } from '../paxos/messages.js'
import { Paxos } from '../paxos/paxos.js'
import { NO_SERVERS } from '../paxos/server-set.js'
import { Admission } from './admission.js'
import type { Founding } from './agreement.js'
import { ChangeGuard } from './change-guard.js'
import { ClientService } from './client-service.js'
import { Clocks } from './clocks.js'
import { Commands } from './commands.js'
import { Counts } from './counts.js'
import { DiskSpace } from './disk-space.js'
import { Driver } from './driver.js'
import { HandOver } from './hand-over.js'
import { Members } from './members.js'
import { MAX_COMMAND_BYTES, type ReplicaOptions, type Settings, checkOptions } from './options.js'
import { Peers } from './peers.js'
import { PositionReports } from './position-reports.js'
import { type Done, Reads } from './reads.js'
import { SpaceGuard } from './space-guard.js'
import { Stalls } from './stalls.js'
import { type RestoredState, State, restoreState } from './state.js'
import { Versions } from './versions.js'
import type { ReplicaMetrics } from '../metrics.js'
import type { MemberStatus, ReplicaStatus } from '../status.js'
import { unansweredError } from '../unanswered.js'

/** In election timeouts: for so long at most a leader that is closed waits for another one to take over. */
const PARTING_PATIENCE = 2

/** In election timeouts: a leader whose disk takes longer for one write makes room for another. */
const DISK_PATIENCE = 2

/**
 * One replica of a state machine: a server of the cluster, with its journal, its connections and its copy of
 * the state.
 *
 * @example
 * const replica = await Replica.open({
 *   id: 1,
 *   cluster: { servers: { 1: '10.0.0.1:2380', 2: '10.0.0.2:2380', 3: '10.0.0.3:2380' } },
 *   dataDir: '/var/lib/counter',
 *   machine: new Counter(),
 * })
 * const total = await replica.propose(1)
 */
export class Replica<Command, Result, Query, Answer> implements AsyncDisposable {
  readonly #settings: Settings
  readonly #opened: OpenedJournal
  readonly #state: State<Command, Result, Query, Answer>
  readonly #paxos: Paxos
  readonly #peers: Peers
  readonly #driver: Driver
  readonly #service: ClientService
  readonly #clocks: Clocks
  readonly #commands: Commands
  readonly #counts = new Counts()
  readonly #reads: Reads
  readonly #handOver: HandOver
  readonly #members: Members
  readonly #versions: Versions
  readonly #stalls: Stalls
  readonly #admission: Admission
  #isOutdated = false
  /** None on a server without a journal. */
  readonly #positions: PositionReports | undefined
  readonly #space: DiskSpace
  readonly #spaceGuard: SpaceGuard
  readonly #started_ms: number
  readonly #votes: boolean
  #formed: boolean
  #hint: LeaderHint = { type: 'leader', ballot: { seq: 0, server: 0 }, server: 0 }
  /** When the chosen bar or the ballot was last seen to change. */
  #moved = { chosen: 0, ballot: this.#hint.ballot, at_ms: 0 }
  /** Servers of which the log has told that their clocks are not fit for leases. */
  #unsound: readonly ServerId[] = []
  #failure: SynodError | undefined
  readonly #calls: Calls

  /**
   * Opens the data directory, recovers what is in it, and joins the others. It resolves before a quorum is
   * reached: `propose` and `read` wait for one.
   *
   * Rejects with `invalid-options`, `directory-in-use`, `wrong-cluster`, `wrong-mode`, `wrong-acceptor`,
   * `journal-damaged` (where not even the identity is left, or another version of Synod wrote the directory),
   * `journal-failed`, `restore-failed`, `diverged` and `wrong-version` (this build, or the state machine, is older than what the
   * members have agreed on).
   */
  static async open<Command, Result, Query, Answer>(
    options: ReplicaOptions<Command, Result, Query, Answer>,
  ): Promise<Replica<Command, Result, Query, Answer>> {
    const settings = checkOptions(options)
    const { clients, host, listen } = settings
    // All that can fail is tried before the directory is touched.
    const listeners = await EarlyListeners.bind(host.network, [
      listen,
      ...(clients === undefined ? [] : [clients]),
    ])
    try {
      return await Replica.#open(settings, options.machine, listeners)
    } catch (error) {
      await listeners.close()
      throw error
    }
  }

  static async #open<Command, Result, Query, Answer>(
    settings: Settings,
    machine: Machine<Command, Result, Query, Answer>,
    listeners: EarlyListeners,
  ): Promise<Replica<Command, Result, Query, Answer>> {
    const { clusterName: cluster, dataDir: directory, host, id: server, mode } = settings
    const { lease_ms, quorums } = settings.parameters
    settings.trace?.started(cluster, mode, settings.servers, {
      ...(quorums === null ? {} : { quorums }),
      ...(lease_ms === 0 ? {} : { lease_ms }),
    })
    const founders = settings.join ? [] : settings.servers
    const texts = [...settings.addresses].map(([id, address]) => [id, formatAddress(address)] as const)
    const addresses = Object.fromEntries(texts)
    const space = new DiskSpace({
      clock: host.clock,
      disk: host.disk,
      directory,
      limits: settings.space,
      logger: settings.logger,
      written_bytes: () => opened.journal?.stats.bytes ?? 0,
      onLooked: () => {
        replica.#onSpace()
      },
    })
    const opened = await openJournal({
      disk: host.disk,
      directory,
      identity: { cluster, parameters: settings.parameters, founders, server, addresses },
      randomBytes: host.randomBytes,
      reserve: settings.space,
      space,
      now: () => host.clock.now(),
      onDurable: (position) => {
        replica.#counts.fsync_s.record((opened.journal?.lastFsync_ms ?? 0) / 1000)
        replica.#driver.durable(position)
        replica.#members.durable(position)
      },
      onFailure: (error) => {
        replica.#fail(error)
      },
    })
    // Whoever cannot be told apart from a new server cannot even learn: the peers would not have it.
    const { identity } = opened
    if (identity === null || (opened.damage !== undefined && identity.peers === null)) {
      await (opened.journal ?? opened).close()
      throw new SynodError('journal-damaged', (opened.damage ?? opened.recovery).message)
    }
    let state: RestoredState<Command, Result, Query, Answer>
    try {
      state = await restoreState(settings, machine, identity)
    } catch (error) {
      await (opened.journal ?? opened).close()
      throw error
    }
    const replica = new Replica(settings, opened, identity, state, space)
    try {
      replica.#state.checkVersions()
      await replica.#listen(listeners)
    } catch (error) {
      await replica.close()
      throw error
    }
    return replica
  }

  private constructor(
    settings: Settings,
    opened: OpenedJournal,
    identity: Identity,
    state: RestoredState<Command, Result, Query, Answer>,
    space: DiskSpace,
  ) {
    const { host, logger } = settings
    const { journal } = opened
    this.#space = space
    const intake = openIntake(host.clock)
    this.#settings = settings
    this.#opened = opened
    this.#formed = identity.peers !== null
    this.#votes = opened.damage === undefined
    this.#started_ms = this.#moved.at_ms = host.clock.now()
    const worry_ms = settings.paxos.electionTimeout_ms / 2
    this.#stalls = new Stalls({ clock: host.clock, logger, worry_ms })
    this.#calls = new Calls(host.clock, settings.requestTimeout_ms, (after_ms) =>
      this.#timeoutError(after_ms),
    )
    const { membership } = state.executor
    const config = { ...settings.paxos, membership, voting: this.#votes }
    this.#paxos = Paxos.recover(config, opened.records, host.randomId(), host.clock.now())
    this.#peers = new Peers(settings, identity, this.#paxos.membership, state.executor, {
      writing_ms: () => journal?.writing_ms ?? 0,
      space: () => space.state,
      knowsMembers: () => this.#members.isRemembered,
      onMessages: (from, batch) => {
        this.#receive(from, batch)
      },
      onDigest: (from, report) => {
        this.#state.onDigest(from, report)
      },
      onClock: (from, report) => {
        this.#clocks.onReport(from, report)
      },
      onPositions: (report) => {
        this.#positions?.heard(report)
      },
      heardOf: (acceptor) => journal?.positions.of(acceptor) ?? 0,
      onConnected: ({ electorate, heard, server }) => {
        this.#clocks.onConnected(server)
        this.#positions?.forget(server)
        this.#admission.welcomed(server, heard, electorate)
      },
      onSnapshotRequest: (from, request, answer) => {
        this.#state.onSnapshotRequest(from, request, answer)
      },
      onComplete: (founding) => {
        this.#form(founding)
      },
      onFormed: (founding) => {
        this.#onFormed(founding)
      },
      onUnreachable: (peer) => {
        this.#admission.unreachable(peer)
      },
      onProcessGone: (peer) => {
        this.#driver.step({ type: 'peer-gone', peer })
      },
      onRejected: (error) => {
        this.#fail(error)
      },
      onRemoved: (by) => {
        this.#members.refused(by)
      },
    })
    this.#driver = new Driver({
      paxos: this.#paxos,
      journal,
      links: this.#peers.links,
      clock: host.clock,
      diskPatience_ms: DISK_PATIENCE * settings.paxos.electionTimeout_ms,
      trace: settings.trace,
      onStep: () => {
        this.#members.look()
        this.#look()
        this.#execute()
        this.#tellHint()
      },
      onSend: (to) => {
        this.#positions?.tell(to)
      },
      onReadable: (read) => {
        this.#reads.confirm(read)
      },
      onBehind: ({ peer, slot }) => {
        this.#state.behind(peer, slot)
      },
      onTurnEnd: () => {
        this.#endTurn()
      },
      onFatal: (error) => {
        this.#fail(error)
      },
    })
    this.#positions = journal && this.#exchangePositions(journal, identity.acceptor)
    this.#admission = new Admission({
      clock: host.clock,
      patience_ms: settings.paxos.electionTimeout_ms,
      self: settings.id,
      membership: this.#paxos.membership,
      position: () => journal?.position,
      onAdmitted: () => {
        this.#startIfReady()
      },
      onOutdated: (outdated) => {
        this.#outdated(outdated)
      },
    })
    const guard = new ChangeGuard({
      self: settings.id,
      clock: host.clock,
      patience_ms: settings.paxos.electionTimeout_ms,
      membership: this.#paxos.membership,
      chosen: () => this.#paxos.chosen,
      heardOf: (server) => this.#paxos.heardOf(server),
      isConnected: (server) => this.#peers.links.get(server)?.up === true,
      lackOf: (server) => this.#peers.lackOf(server),
      addressOf: (server) => this.#membersStatus().find((member) => member.server === server)?.address,
    })
    this.#clocks = new Clocks({
      self: settings.id,
      clock: host.clock,
      randomId: host.randomId,
      logger,
      voters: () => {
        const { membership } = this.#paxos
        return membership.isKnown ? membership.current.voters : NO_SERVERS
      },
      executed_ms: () => this.#state.executor.time_ms,
      connected: () => this.#peers.connected,
      tell: (to, report) => {
        this.#peers.tellNow(to, report)
      },
      onKnown: () => {
        this.#driver.endTurn()
      },
    })
    this.#spaceGuard = new SpaceGuard({
      self: settings.id,
      membership: this.#paxos.membership,
      space: () => space.state,
      spaceOf: (server) => this.#peers.spaceOf(server),
      isConnected: (server) => this.#peers.links.get(server)?.up === true,
      heardOf: (server) => this.#paxos.heardOf(server),
      frees: (command) => this.#state.executor.frees(command),
      transfer: (to) => {
        this.#driver.step({ type: 'transfer', to })
      },
    })
    this.#commands = new Commands({
      settings,
      paxos: this.#paxos,
      driver: this.#driver,
      counts: this.#counts,
      guard,
      clocks: this.#clocks,
      spaceGuard: this.#spaceGuard,
      isKnownByAll: (request) => this.#state.isKnownByAll(request),
      inTurn: (begin, done) => this.#members.inTurn(begin, done),
      openCall: () => this.#calls.start<Uint8Array>('connect', {}),
    })
    this.#state = new State(state, {
      settings,
      paxos: this.#paxos,
      peers: this.#peers,
      journal_bytes: () => journal?.stats.bytes ?? 0,
      isShort: () => space.isShort,
      step: (input) => {
        this.#driver.step(input)
      },
      onExecuted: (execution) => {
        this.#commands.executed(execution)
      },
      onRestored: () => {
        this.#reads.executed()
        this.#commands.restart()
        this.#versions.executed()
      },
      onFailed: (error) => {
        this.#fail(error)
      },
    })
    this.#reads = new Reads({
      limit: settings.maxWaiting,
      now: () => host.clock.now(),
      turns: intake.turns,
      executed: () => this.#state.readable,
      query: (query) => this.#state.executor.query(query),
      endTurn: () => {
        this.#driver.endTurn()
      },
      withdraw: (id) => {
        this.#driver.step({ type: 'withdraw-read', id })
      },
    })
    this.#handOver = new HandOver({
      clock: host.clock,
      leader: () => this.#paxos.leader,
      isVoter: (server) => this.#paxos.membership.voters.includes(server),
      ask: (to) => {
        this.#driver.step({ type: 'transfer', to })
      },
    })
    this.#members = new Members({
      self: settings.id,
      membership: this.#paxos.membership,
      clock: host.clock,
      logger,
      chosen: () => this.#paxos.chosen,
      isInCharge: () => this.#isInCharge,
      heardOf: (server) => this.#paxos.heardOf(server),
      acceptorOf: (server) => this.#peers.acceptorOf(server),
      allows: (change) => guard.allows(change),
      submit: (change) => {
        const call = this.#calls.start<Uint8Array>('change', {})
        call.promise.catch(() => undefined)
        this.#commands.change(change, call)
      },
      written: () => journal?.appended ?? Infinity,
      secure: () => {
        this.#driver.secure()
      },
      onChanged: () => {
        this.#peers.update()
        if (this.#paxos.membership.isKnown)
          journal?.positions.keepIf((acceptor) => this.#peers.isMember(acceptor))
      },
      onRemoved: (error) => {
        this.#fail(error)
      },
    })
    this.#versions = new Versions({
      self: settings.id,
      clock: host.clock,
      own: state.executor.support,
      agreed: () => state.executor.agreed,
      servers: () => this.#paxos.membership.servers,
      supportOf: (server) => this.#peers.supportOf(server),
      isInCharge: () => this.#isInCharge,
      submit: async (raise) => {
        const call = this.#calls.start<Uint8Array>('change', {})
        this.#commands.raise(raise, call)
        await call.promise.catch(() => undefined)
      },
      onRaised: () => {
        this.#peers.update()
      },
    })
    this.#service = new ClientService(settings, intake, {
      execute: (value, owner, done) => this.#commands.submit(value, done, owner),
      read: (query, owner, done) => this.#read(query, done, owner),
      readStale: (query, atLeast, owner, done) => this.#readStale(query, atLeast, done, owner),
      transfer: (to, done) => this.#transfer(to, done),
      save: (slot, offset, owner, done) => this.#save(slot, offset, owner, done),
      executed: () => this.#state.executor.executed,
      status: () => this.status(),
      hint: () => this.#hint,
      clusterId: () => this.#peers.clusterId,
    })
    space.begin([...(journal?.reserves ?? []), this.#state.reserve])
    if (opened.damage !== undefined) logger.error({ case: opened.damage.case }, opened.damage.message)
    else logger.info({ case: opened.recovery.case }, opened.recovery.message)
    settings.trace?.opened(opened.recovery.case, opened.damage?.message ?? null)
  }

  /**
   * Has a command executed, once, by the whole cluster, and gives back its result. Works on any replica. While
   * there is no quorum it goes on trying.
   *
   * Rejects with `command-failed` (the state machine threw), `not-known-by-all`, `too-large`, `overloaded`, `aborted`,
   * `closed`, `no-quorum` or `outcome-unknown`. After any of the last four the command may have been executed, or may
   * still be; after the others it was not.
   */
  async propose(command: Command, options: CallOptions = {}): Promise<Result> {
    checkCall('propose', options)
    const { executor } = this.#state
    const { command: codec, result } = executor.codecs
    const encoded = encodeGiven('command', codec, command)
    checkSize('command', encoded)
    const version = executor.versionOf(command)
    const call = this.#calls.take<Uint8Array>('command', encoded.length, options)
    this.#commands.execute(encoded, version, call)
    return decodeAnswered('result', result, await call.promise)
  }

  /**
   * Answers a query from a state that holds everything that was acknowledged anywhere before the call
   * (linearizable), on any replica. Rejects with `aborted`, `closed`, `overloaded`, `no-quorum`, or what the
   * state machine throws.
   */
  async read(query: Query, options: CallOptions = {}): Promise<Answer> {
    checkCall('read', options)
    const encoded = encodeGiven('query', this.#state.executor.codecs.query, query)
    return this.#answer(encoded, options, (done) => this.#read(encoded, done))
  }

  /**
   * Answers a query from the state as it is on this replica, with the slot that it is from: without asking anyone, also
   * while there is no quorum, and however far behind the others this one is. With `atLeast` it waits until that slot is
   * executed here. Slots of later answers of this replica do not go down while it runs.
   *
   * Rejects with `invalid-options`, `aborted`, `closed`, `overloaded`, `too-stale`, or what the state machine throws.
   */
  async readStale(query: Query, options: StaleReadOptions = {}): Promise<StaleAnswer<Answer>> {
    const atLeast = checkStaleRead(options)
    const encoded = encodeGiven('query', this.#state.executor.codecs.query, query)
    let slot: Slot = 0
    const answer = this.#answer(encoded, options, (done) =>
      this.#readStale(encoded, atLeast, (result) => {
        slot = this.#state.executor.executed
        done(result)
      }),
    )
    return { answer: await staleAnswer(answer, atLeast), slot }
  }

  /**
   * Has another server lead: `to`, or whichever keeps up best. Works on any replica, and resolves when the other one leads.
   * Rejects with `transfer-failed`, `wrong-mode` (in leaderless mode nobody leads), `invalid-options`, `aborted` or `closed`.
   */
  async transferLeadership(options: TransferOptions = {}): Promise<void> {
    const to = checkTransfer(options)
    const call = this.#calls.start<undefined>('transfer', options)
    try {
      const giveUp = this.#transfer(to, (error) => {
        if (error === undefined) call.resolve(undefined)
        else call.reject(error)
      })
      call.sent = true
      call.onOver(giveUp)
    } catch (error) {
      call.reject(error as Error)
    }
    await call.promise
  }

  /**
   * Adds a server, replaces one by another, or removes one. Works on any replica, and resolves when that is chosen and executed: a server that was
   * added learns then, and votes as soon as it has caught up; one that was removed stops by itself. What is so already is no error.
   * (docs/membership.md)
   *
   * Rejects with `change-refused` (saying why), `invalid-options`, and as `propose` does.
   */
  async changeMembership(change: MembershipChange, options: CallOptions = {}): Promise<void> {
    const checked = checkChange(change)
    checkCall('changeMembership', options)
    const call = this.#calls.start<Uint8Array>('change', options)
    this.#commands.change(checked, call)
    await call.promise
  }

  /**
   * Takes a snapshot of the state as it is here, and gives it back piece by piece, to be kept as a backup: what is written to a file is
   * read by `readSnapshotInfo` and `restoreCluster`. Needs no quorum. (docs/operating/backup.md)
   *
   * Rejects with `overloaded` while someone else gets one, `snapshot-failed` and `closed`; so does the iteration.
   */
  async saveSnapshot(): Promise<SavedSnapshot> {
    const owner = {}
    return savedSnapshot(async (slot, offset) => {
      if (this.#failure !== undefined) throw this.#failure
      return this.#state.save(slot, offset, owner)
    })
  }

  /** Role, ballot, bars, peers and so on, as plain data. */
  status(): ReplicaStatus {
    const { clusterName, host, id, mode } = this.#settings
    const { ballot, chosen, leader, pendingQuorum, role, voted } = this.#paxos.status()
    const { damage, journal, recovery } = this.#opened
    const { executed } = this.#state.executor
    return {
      server: id,
      cluster: clusterName,
      clusterId: this.#peers.clusterId,
      mode,
      role,
      ballot,
      leader: leader ?? null,
      formed: this.#formed,
      admitted: this.#admission.isAdmitted,
      voting: this.#votes,
      damage: damage?.message ?? null,
      bars: {
        snapshotted: this.#state.snapshotted,
        executed,
        // The log is told of what the snapshot holds when this server takes part.
        chosen: Math.max(chosen, executed),
        voted: Math.max(voted, executed),
      },
      digest: this.#state.executor.digest,
      versions: { support: this.#state.executor.support, agreed: this.#state.executor.agreed },
      peers: this.#peers.status(),
      members: this.#membersStatus(),
      sessions: this.#state.executor.sessions,
      waiting: this.#commands.waiting + this.#reads.size,
      clients: this.#service.size,
      held: this.#service.held,
      recovery: recovery.case,
      journal: journal?.stats ?? null,
      space: this.#space.status,
      lease: this.#paxos.lease(host.clock.now()) ?? null,
      pendingQuorum:
        pendingQuorum === undefined
          ? null
          : { ...pendingQuorum, for_ms: host.clock.now() - this.#moved.at_ms },
      snapshot: this.#state.status,
      time: this.#clocks.status,
      stalls: this.#stalls.status,
      uptime_ms: host.clock.now() - this.#started_ms,
    }
  }

  /** What it has counted, as plain data: docs/metrics.md. */
  metrics(): ReplicaMetrics {
    this.#counts.sent = this.#driver.sent
    this.#counts.messagesRefused = this.#driver.refused
    return this.#counts.metrics(this.status(), this.#state.counts)
  }

  /**
   * Leaves. A leader first sees to it that another one leads, if that does not take long; then what waits here fails as
   * `closed`, what was written is flushed, and the directory is free.
   */
  async close(): Promise<void> {
    if (
      this.#failure === undefined &&
      this.#paxos.leader === this.#settings.id &&
      this.#peers.links.size > 0
    ) {
      const timeout_ms = PARTING_PATIENCE * this.#settings.paxos.electionTimeout_ms
      await this.transferLeadership({ timeout_ms }).catch(() => undefined)
    }
    this.#failure ??= new SynodError('closed', 'the replica is closed')
    this.#stop(this.#failure)
    await this.#service.close()
    await this.#peers.close()
    await this.#state.stop()
    await (this.#opened.journal ?? this.#opened).close()
    this.#settings.trace?.stopped()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #listen(listeners: EarlyListeners): Promise<void> {
    const { clients, logger } = this.#settings
    await this.#peers.listen(listeners)
    if (clients !== undefined) await this.#service.listen(listeners, clients)
    const waitingFor = this.#peers.missing
    this.#startIfReady()
    if (!this.#formed && waitingFor.length > 0)
      logger.info({ waitingFor }, 'waiting for all servers, to form the cluster')
  }

  /** It has looked at its disk. */
  #onSpace(): void {
    if (this.#failure !== undefined || !this.#formed) return
    if (this.#paxos.leader === this.#settings.id) this.#spaceGuard.makeRoom()
    this.#driver.endTurn()
  }

  /** All servers have met, or a member of the cluster that this one joins: writes down who they are. */
  #form({ acceptors, clusterId }: Founding): void {
    const { journal } = this.#opened
    if (journal === undefined) return
    journal.savePeers(clusterId, acceptors).then(
      () => {
        this.#state.identify(clusterId)
        this.#peers.written(clusterId)
      },
      (error: unknown) => {
        this.#fail(error as SynodError)
      },
    )
  }

  /** All servers have written that down: from here on this one votes. */
  #onFormed({ acceptors, clusterId }: Founding): void {
    if (this.#formed) return
    // This server takes part later: the step asks for no record and no message.
    this.#paxos.step({ type: 'founded', acceptors }, this.#settings.host.clock.now())
    this.#state.executor.identify(acceptors)
    this.#settings.logger.info({ clusterId }, `the cluster has formed, with the id ${clusterId}`)
    this.#formed = true
    this.#service.tellFormed(clusterId)
    this.#startIfReady()
  }

  #exchangePositions(journal: Journal, acceptor: AcceptorId): PositionReports {
    return new PositionReports({
      clock: this.#settings.host.clock,
      acceptor,
      journal,
      isMember: (other) => this.#peers.isMember(other),
      tell: (to, report) => this.#peers.tell(to, report),
      tellAll: (report) => {
        this.#peers.tellAll(report)
        this.#driver.endTurn()
      },
      onOwn: (heard) => this.#admission.isSound(heard),
    })
  }

  /** The data directory is an old copy: this server ends, and votes with it no more. */
  #outdated(outdated: Outdated): void {
    if (this.#isOutdated) return
    this.#isOutdated = true
    const { dataDir, host } = this.#settings
    const words = damageWords(dataDir, { message: outdatedWords(outdated) })
    this.#driver.stop()
    void saveOutdated(host.disk, dataDir, outdated)
      .catch(() => undefined)
      .then(() => {
        this.#fail(new SynodError('journal-damaged', words))
      })
  }

  /** The chosen bar may have moved, or somebody else leads. */
  #look(): void {
    const { ballot, chosen, role } = this.#paxos
    this.#counts.isNow(role)
    this.#warnOfClocks()
    if (chosen === this.#moved.chosen && ballot === this.#moved.ballot) return
    const { host, trace } = this.#settings
    if (chosen > this.#moved.chosen) trace?.chosen(this.#moved.chosen + 1, chosen)
    this.#moved = { chosen, ballot, at_ms: host.clock.now() }
  }

  #warnOfClocks(): void {
    const { unsound } = this.#paxos
    for (const server of unsound) {
      if (this.#unsound.includes(server)) continue
      this.#settings.logger.warn(
        { server },
        `the clock of s${server} has been seen to run faster than this one by more than leases bear: it does not count for a lease any more`,
      )
    }
    this.#unsound = unsound
  }

  /** Whether it is for this replica to propose what nobody asked for. */
  get #isInCharge(): boolean {
    return this.#paxos.leader === this.#settings.id || this.#paxos.role === 'proposer'
  }

  /** Whether this server takes part in what the others do. */
  get #takesPart(): boolean {
    return this.#formed && this.#admission.isAdmitted
  }

  #startIfReady(): void {
    if (!this.#takesPart || this.#failure !== undefined) return
    this.#driver.start()
    // What the snapshot holds comes first: a message must not find the log without it.
    this.#state.begin()
    this.#execute()
    this.#driver.step({ type: 'tick' })
    this.#commands.lookForLost()
    this.#versions.look()
  }

  #receive(from: ServerId, batch: readonly Message[]): void {
    if (!this.#takesPart) return
    this.#counts.received += batch.length
    for (const message of batch) {
      // One message may tell that the next one must not be heard.
      if (this.#peers.isStranger(from)) return
      const { type } = message
      this.#driver.receive(
        from,
        type === 'forward' ? { type, values: this.#commands.takeForwarded(message.values) } : message,
      )
    }
  }

  #membersStatus(): MemberStatus[] {
    const { addresses } = this.#settings
    return this.#paxos.membership.state.members.map((member) => {
      const given = addresses.get(member.server)
      const address = given === undefined ? member.address : formatAddress(given)
      return { ...member, address, acceptor: member.acceptor === '' ? null : member.acceptor }
    })
  }

  /** Executes what is chosen and not executed yet, and answers whoever waits for it. */
  #execute(): void {
    if (!this.#state.execute()) return
    this.#reads.executed()
    this.#commands.withdrawExecuted()
    this.#versions.executed()
  }

  #endTurn(): void {
    if (this.#takesPart) {
      this.#commands.propose()
      const id = this.#reads.takeNew()
      if (id !== undefined) this.#driver.step({ type: 'read', id })
    }
    this.#state.turnEnded()
    this.#service.flush()
  }

  // Reads

  /** Begins a read on behalf of a caller in this process, and waits for what comes of it. */
  async #answer(query: Uint8Array, options: CallOptions, begin: (done: Done) => () => void): Promise<Answer> {
    const call = this.#calls.take<Uint8Array>('read', query.length, options)
    try {
      if (!call.over) {
        const giveUp = begin((result) => {
          if (result instanceof SynodError) call.reject(result)
          else call.resolve(result)
        })
        call.onOver((error) => {
          if (error !== undefined) giveUp()
        })
      }
    } catch (error) {
      // The call is over with that: it must not time out later, when nobody listens.
      call.reject(error as Error)
    }
    return decodeAnswered('answer', this.#state.executor.codecs.answer, await call.promise)
  }

  #readStale(query: Uint8Array, atLeast: Slot, done: Done, owner?: object): () => void {
    checkSize('query', query)
    this.#counts.staleReads++
    return this.#counts.unlessRefused(() => this.#reads.stale(query, atLeast, done, owner))
  }

  #read(query: Uint8Array, done: Done, owner?: object): () => void {
    const { clock } = this.#settings.host
    const arrived_ms = clock.now()
    checkSize('query', query)
    this.#counts.reads++
    const answered: Done = (answer) => {
      this.#counts.read_s.record((clock.now() - arrived_ms) / 1000)
      done(answer)
    }
    const giveUp = this.#counts.unlessRefused(() => this.#reads.linearizable(query, answered, owner))
    this.#driver.endTurn()
    return giveUp
  }

  /** On behalf of a client. */
  #save(slot: Slot, offset: number, owner: object, done: Done): () => void {
    let isOver = false
    const answer = (result: Uint8Array | SynodError) => {
      if (isOver) return
      done(result)
      this.#service.flush()
    }
    this.#state.save(slot, offset, owner).then(
      (piece) => {
        answer(encodePiece(piece))
      },
      (error: unknown) => {
        answer(error as SynodError)
      },
    )
    return () => {
      isOver = true
    }
  }

  // Who leads

  #transfer(to: ServerId, done: (error?: SynodError) => void): () => void {
    if (this.#settings.mode === 'leaderless')
      throw new SynodError('wrong-mode', 'in leaderless mode there is no leadership to transfer')
    return this.#handOver.begin(to, done)
  }

  /** Tells clients when the leader changes, and hands the new one everything that waits here. */
  #tellHint(): void {
    const { id, mode } = this.#settings
    const server = mode === 'leader' ? (this.#paxos.leader ?? 0) : this.#paxos.reachesQuorum ? id : 0
    const { ballot } = this.#paxos
    if (server === this.#hint.server && ballot === this.#hint.ballot) return
    const changed = server !== this.#hint.server || ballot.seq !== this.#hint.ballot.seq
    this.#hint = { type: 'leader', ballot, server }
    if (changed) this.#counts.leaderChanges++
    this.#handOver.look()
    if (!changed) return
    this.#service.tellHint(this.#hint)
    this.#driver.endTurn()
    if (mode === 'leader' && server !== 0) this.#commands.restart()
  }

  // The end

  #timeoutError(timeout_ms: number): SynodError {
    const isOut = !this.#takesPart || this.#hint.server === 0
    return unansweredError(timeout_ms, isOut ? explainNoQuorum(this.status()) : null)
  }

  #fail(error: SynodError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#settings.logger.error({ code: error.code }, error.message)
    this.#settings.trace?.failed(error)
    this.#stop(error)
    void this.#service.close()
    void this.#peers.close()
    this.#settings.onFatal(error)
  }

  #stop(error: SynodError): void {
    this.#driver.stop()
    this.#clocks.stop()
    this.#space.stop()
    this.#stalls.stop()
    this.#positions?.stop()
    this.#admission.stop()
    this.#handOver.stop()
    this.#members.stop()
    this.#versions.stop()
    this.#commands.stop()
    this.#calls.end(error)
  }
}

/** Throws `too-large`. */
function checkSize(what: 'command' | 'query', { length }: Uint8Array): void {
  if (length <= MAX_COMMAND_BYTES) return
  throw new SynodError('too-large', `a ${what} has at most ${MAX_COMMAND_BYTES} bytes, not ${length}`)
}
