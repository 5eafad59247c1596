import type { AnyMachine } from '../machine/machine.js'
import { Calls } from '../call.js'
import { SynodError } from '../errors.js'
import type { Identity } from '../journal/identity.js'
import { type OpenedJournal, openJournal } from '../journal/open-journal.js'
import { openClientLoad } from '../net/transport/client-load.js'
import { formatAddress } from '../net/transport/network.js'
import { Paxos } from '../paxos/paxos.js'
import { NO_SERVERS } from '../paxos/server-set.js'
import { Admission } from './admission.js'
import { AppliedLog } from './applied.js'
import { ChangeGuard } from './change-guard.js'
import { ChangeQueue } from './change-queue.js'
import { ClientService } from './client-service.js'
import { Clocks } from './clocks.js'
import { CommandService } from './command-service.js'
import { ReplicaCounters } from './replica-counters.js'
import { DiskSpace } from './disk-space.js'
import { Driver } from './driver.js'
import { Shutdown } from './shutdown.js'
import { Formation } from './formation.js'
import { Inbox } from './inbox.js'
import { Leadership } from './leadership.js'
import { Loop } from './loop.js'
import { Members } from './members.js'
import { Operations } from './operations.js'
import type { Settings } from './options.js'
import { Peers } from './peers.js'
import { GroupCountReports } from './group-count-reports.js'
import { ProgressWatch } from './progress-watch.js'
import { Follows } from './follows.js'
import { PendingReads } from './pending-reads.js'
import { StatusReport } from './status-report.js'
import { SpaceGuard } from './space-guard.js'
import { StallWatch } from './stall-watch.js'
import { type RestoredState, State, restoreState } from './state.js'
import { Subscriptions } from './subscriptions.js'
import { Transfers } from './transfers.js'
import { VersionRaiser } from './version-raiser.js'

/** In election timeouts: a leader whose disk takes longer for one write makes room for another. */
const DISK_PATIENCE = 2

/** The parts of a replica that its callers reach. */
export interface Assembled<M extends AnyMachine> {
  readonly settings: Settings
  readonly calls: Calls
  readonly paxos: Paxos
  readonly peers: Peers
  readonly formation: Formation
  readonly state: State<M>
  readonly commands: CommandService
  readonly operations: Operations
  readonly service: ClientService
  readonly report: StatusReport
  readonly leadership: Leadership
  readonly applied: AppliedLog<M>
  readonly subscriptions: Subscriptions
  readonly loop: Loop
  readonly shutdown: Shutdown
}

/**
 * Opens the data directory, recovers what is in it, and puts a replica together. Each part is given
 * parts that were made before it; what it has to say to the others it posts to the
 * inbox.
 */
export async function assemble<M extends AnyMachine>(settings: Settings, machine: M): Promise<Assembled<M>> {
  const { clusterName, host, mode } = settings
  const { leaseMs, quorums } = settings.parameters
  settings.trace?.started(clusterName, mode, settings.servers, {
    ...(quorums === null ? {} : { quorums }),
    ...(leaseMs === 0 ? {} : { leaseMs }),
  })
  const inbox = new Inbox(host.clock)
  const space = new DiskSpace({
    clock: host.clock,
    disk: host.disk,
    directory: settings.dataDir,
    limits: settings.space,
    logger: settings.logger,
    inbox,
  })
  const opened = await open(settings, space, inbox)
  try {
    const identity = identityOf(opened)
    const restored = await restoreState(settings, machine, identity)
    return join(settings, inbox, space, opened, identity, restored)
  } catch (error) {
    await (opened.journal ?? opened).close()
    throw error
  }
}

function open(settings: Settings, space: DiskSpace, inbox: Inbox): Promise<OpenedJournal> {
  const { clusterName: cluster, host, id: server, parameters } = settings
  const founders = settings.join ? [] : settings.servers
  const texts = [...settings.addresses].map(([id, address]) => [id, formatAddress(address)] as const)
  return openJournal({
    disk: host.disk,
    directory: settings.dataDir,
    identity: { cluster, parameters, founders, server, addresses: Object.fromEntries(texts) },
    randomBytes: host.randomBytes,
    reserve: settings.space,
    padding: settings.space.padding,
    space,
    now: () => host.clock.now(),
    onDurable: (recordCount) => {
      // Also while it closes, when there are no more turns.
      settings.trace?.durable(recordCount)
      inbox.post({ type: 'durable', recordCount })
    },
    onFailure: (error) => {
      inbox.post({ type: 'failed', error })
    },
  })
}

/**
 * Throws `journal-damaged`: a server that cannot be told apart from a new one cannot even learn, as
 * the peers would refuse it.
 */
function identityOf({ damage, identity, recovery }: OpenedJournal): Identity {
  if (identity === null || (damage !== undefined && identity.peers === null))
    throw new SynodError('journal-damaged', (damage ?? recovery).message)
  return identity
}

function join<M extends AnyMachine>(
  settings: Settings,
  inbox: Inbox,
  space: DiskSpace,
  opened: OpenedJournal,
  identity: Identity,
  restored: RestoredState<M>,
): Assembled<M> {
  const { host, id: self, logger, mode, trace } = settings
  const { clock } = host
  const { electionTimeoutMs } = settings.paxos
  const { journal } = opened
  const { executor } = restored
  const counts = new ReplicaCounters()
  const clientLoad = openClientLoad(clock)
  const calls = new Calls(clock, settings.requestTimeoutMs, (timeoutMs) => report.timeoutError(timeoutMs))

  const config = { ...settings.paxos, membership: executor.membership, voting: opened.damage === undefined }
  const paxos = Paxos.recover(config, opened.records, host.randomId(), clock.now())
  const { membership } = paxos
  const peers = new Peers(settings, identity, membership, executor, { journal, space, inbox })
  const admission = new Admission({
    clock,
    patienceMs: electionTimeoutMs,
    self,
    membership,
    groupCount: () => journal?.groupCount,
    inbox,
  })
  const groupCountReports =
    journal && new GroupCountReports({ clock, acceptor: identity.acceptor, journal, peers, admission })
  const driver = new Driver({ mode, paxos, journal, links: peers.links, clock, trace, groupCountReports })
  const state = new State(restored, { settings, paxos, peers, journal, space, inbox })
  const formation = new Formation({ logger, identity, journal, peers, state, inbox })
  const leadership = new Leadership(self, mode, paxos)
  const progress = new ProgressWatch({ clock, logger, paxos, counts, trace })

  const isConnected = (server: number) => peers.links.get(server)?.up === true
  const peerProgress = (server: number) => paxos.peerProgress(server)
  const clocks = new Clocks({
    self,
    clock,
    randomId: host.randomId,
    logger,
    voters: () => (membership.isKnown ? membership.current.voters : NO_SERVERS),
    executedMs: () => executor.timeMs,
    connected: () => peers.connected,
    send: (to, answer) => {
      peers.reportNow(to, answer)
    },
  })
  const guard = new ChangeGuard({
    self,
    clock,
    patienceMs: electionTimeoutMs,
    membership,
    chosen: () => paxos.chosen,
    peerProgress,
    isConnected,
    lackOf: (server) => peers.lackOf(server),
    addressOf: (server) => report.members().find((member) => member.server === server)?.address,
  })
  const spaceGuard = new SpaceGuard({
    self,
    membership,
    space: () => space.state,
    spaceOf: (server) => peers.spaceOf(server),
    isConnected,
    peerProgress,
    frees: (command) => executor.frees(command),
    inbox,
  })
  const changes = new ChangeQueue(clock, membership)
  const commands = new CommandService({
    settings,
    calls,
    paxos,
    counts,
    guard,
    changes,
    clocks,
    spaceGuard,
    state,
    inbox,
  })
  const reads = new PendingReads({
    limit: settings.maxWaiting,
    now: () => clock.now(),
    turns: clientLoad.turns,
    executed: () => state.readable,
    inbox,
    onAnswered: (tookMs) => {
      counts.readSeconds.record(tookMs / 1000)
    },
  })
  const follows = new Follows({ clock, turns: clientLoad.turns, inbox })
  const transfers = new Transfers({ clock, paxos, inbox })
  const members = new Members({
    self,
    clock,
    logger,
    calls,
    paxos,
    peers,
    journal,
    driver,
    guard,
    changes,
    commands,
    inbox,
  })
  const versions = new VersionRaiser({ self, clock, calls, executor, paxos, peers, commands })
  const stalls = new StallWatch({ clock, logger, worryMs: electionTimeoutMs / 2 })

  const operations = new Operations({ mode, counts, commands, reads, follows, transfers, state, inbox })
  const report: StatusReport = new StatusReport({
    settings,
    opened,
    paxos,
    driver,
    peers,
    formation,
    admission,
    leadership,
    progress,
    state,
    commands,
    reads,
    clocks,
    space,
    stalls,
    counts,
    service: () => service,
  })
  const service: ClientService = new ClientService({
    settings,
    clientLoad,
    operations,
    leadership,
    peers,
    state,
    report,
  })
  const applied = new AppliedLog(executor)
  const subscriptions = new Subscriptions()
  const timed = [clocks, space, stalls, admission, transfers, members, versions, commands, follows]
  const stoppable = groupCountReports === undefined ? timed : [...timed, groupCountReports]
  const shutdown = new Shutdown({
    settings,
    opened,
    inbox,
    calls,
    peers,
    space,
    state,
    service,
    subscriptions,
    stoppable,
  })
  const loop = new Loop({
    self,
    mode,
    diskPatienceMs: DISK_PATIENCE * electionTimeoutMs,
    inbox,
    paxos,
    journal,
    driver,
    peers,
    formation,
    admission,
    groupCountReports,
    leadership,
    progress,
    members,
    versions,
    transfers,
    clocks,
    spaceGuard,
    commands,
    reads,
    follows,
    state,
    service,
    applied,
    subscriptions,
    counts,
    shutdown,
  })

  space.begin(journal, [...(journal?.reserves ?? []), state.reserve])
  if (opened.damage !== undefined) logger.error({ case: opened.damage.case }, opened.damage.message)
  else logger.info({ case: opened.recovery.case }, opened.recovery.message)
  trace?.opened(opened.recovery.case, opened.damage?.message ?? null)
  return {
    settings,
    calls,
    paxos,
    peers,
    formation,
    state,
    commands,
    operations,
    service,
    report,
    leadership,
    applied,
    subscriptions,
    loop,
    shutdown,
  }
}
