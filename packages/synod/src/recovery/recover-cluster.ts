import type { AnyMachine } from '../machine/machine.js'
import { SynodError } from '../errors.js'
import { checkMachine } from '../machine/contract.js'
import { Executor } from '../machine/executor.js'
import { MAX_ADDRESS_BYTES } from '../bytes/address.js'
import { parseAddress } from '../net/transport/network.js'
import {
  BOOLEAN,
  FUNCTION,
  type Rules,
  checkOptions,
  group,
  required,
  textOf,
  wholeFrom,
  withDefaults,
  withMethods,
} from '../options.js'
import { MAX_SERVER_ID, type ServerId, type Slot } from '../paxos/ballot.js'
import type { Mode } from '../paxos/config.js'
import { Membership, foundingMembership } from '../paxos/membership.js'
import { type Host, systemHost } from '../replica/host.js'
import { snapshotName } from '../snapshots/snapshot-store.js'
import { join, resolve } from 'node:path'
import { writeCluster, requireEmpty, beginOf } from './new-cluster.js'
import { addressesOf, respondingAddresses } from './old-members.js'
import { type OldLog, executeLog, founders, mayLack, readJournals } from './old-log.js'
import { restoreFrom } from './snapshot-info.js'
import { type Source, closeSources, openSources } from './sources.js'

/** How many directories can be given: one for each server that a cluster can have. */
export const MAX_SOURCES = 31

/** A server of the old cluster, as the directories tell. */
export interface OldMember {
  readonly server: ServerId
  /** `voter`, `joining` or `learner`. */
  readonly role: string
  /**
   * Where it may listen for its peers, by the log and by the directories; empty where they do not
   * say.
   */
  readonly addresses: readonly string[]
  /** One of the directories is its. */
  readonly given: boolean
  /** At these of its addresses something answers. */
  readonly answersAt: readonly string[]
}

/** A directory of the old cluster, and what was found in it. */
export interface RecoverySource {
  readonly directory: string
  readonly server: ServerId
  /** As in the table of docs/internals/journal.md, and in words. */
  readonly journal: string
  readonly finding: string
  /** Groups of records that are damaged or missing; 0 for a sound journal. */
  readonly lostGroups: number
  /** The slot of its newest snapshot that is whole; 0 for none. */
  readonly snapshot: Slot
}

/** How far a recovery goes, and what may be lost: to be looked at before anything is written. */
export interface RecoveryPlan {
  readonly cluster: string
  readonly mode: Mode
  readonly sources: readonly RecoverySource[]
  readonly members: readonly OldMember[]
  /** The slot of the snapshot that it begins with; 0 for none. */
  readonly snapshot: Slot
  /** Slots after that which are known to be chosen. */
  readonly chosen: number
  /** Slots that hold the value of the vote with the highest ballot. */
  readonly voted: number
  /** Slots without any value, which become no-ops; `lost` of them are known to have been chosen. */
  readonly holes: number
  readonly lost: number
  /** The last slot of the old cluster, and the last that the new one leaves out. */
  readonly last: Slot
  readonly slot: Slot
  /** The new cluster's ballots are higher. */
  readonly ballotSeq: number
  /** Of the last command, in milliseconds since 1970; 0 if there was none. */
  readonly timeMs: number
  readonly sessions: number
  /** What was acknowledged by servers that were not given alone may be lost. */
  readonly mayLack: boolean
}

/** The result: where and as which server the new cluster starts. */
export interface RecoveredCluster extends RecoveryPlan {
  readonly dataDir: string
  readonly id: ServerId
  /** Of the new cluster. */
  readonly clusterId: string
  readonly acceptor: string
}

/** How far a recovery has come. */
export interface RecoveryProgress {
  readonly step: 'read' | 'executed' | 'written'
  /** A directory, a slot, or a number of bytes. */
  readonly upTo: string | number
}

export interface RecoverOptions<M extends AnyMachine> {
  /**
   * Data directories of servers of the old cluster, 1 to 31. They are not changed. No process may
   * use them.
   */
  readonly from: readonly string[]
  /** The data directory of the new server: empty or absent. */
  readonly dataDir: string
  /** The new server: 1 to 65,535. Servers that join it have higher ids. */
  readonly id: ServerId
  /** Where the new server will listen for the others, as `host:port`. */
  readonly address: string
  /**
   * The state machine, in its initial state; it must have snapshots. It is left in the state that
   * was recovered.
   */
  readonly machine: M
  /**
   * Also where something answers at the address of an old member. The new cluster knows nothing of
   * what that still does.
   */
  readonly force?: boolean
  /** Is shown the plan before anything is written; unless it answers true, nothing is. */
  readonly confirm?: (plan: RecoveryPlan) => boolean | Promise<boolean>
  readonly onProgress?: (progress: RecoveryProgress) => void
  /** For tests: the disk, network, clock and randomness to use. */
  readonly host?: Partial<RecoveryHost>
}

export type RecoveryHost = Pick<Host, 'clock' | 'disk' | 'network' | 'randomBytes'>

const RULES: Rules = {
  from: required({
    may: `1 to ${MAX_SOURCES} directories`,
    fits: (value) =>
      Array.isArray(value) &&
      value.length >= 1 &&
      value.length <= MAX_SOURCES &&
      value.every((each) => typeof each === 'string' && each !== ''),
  }),
  dataDir: required(textOf(1, 4096)),
  id: required(wholeFrom(1, MAX_SERVER_ID)),
  address: required(textOf(1, MAX_ADDRESS_BYTES)),
  machine: required(withMethods('apply', 'query', 'snapshot', 'restore')),
  force: BOOLEAN,
  confirm: FUNCTION,
  onProgress: FUNCTION,
  host: group({
    clock: withMethods('now', 'timer'),
    disk: withMethods('open', 'read', 'list', 'lock', 'rename', 'remove', 'syncDirectory'),
    network: withMethods('connect'),
    randomBytes: FUNCTION,
  }),
}

/**
 * Makes a new cluster of one server out of data directories of an old one that has lost a majority
 * for good: the newest snapshot, what is known to be chosen after it, and in each other slot the
 * vote with the highest ballot. The new cluster has another identity: old members and clients are
 * refused. Servers join it with `changeMembership`. (docs/operating/lost-majority.md)
 *
 * Rejects with `cluster-running` while an old member answers, `aborted` where `confirm` says no,
 * `invalid-options`, `directory-in-use`, `wrong-cluster`, `journal-damaged`, `restore-failed`,
 * `diverged`, `invariant-violated`, `invalid-machine` and `journal-failed`. A directory that was
 * written in part cannot be started on.
 *
 * @example
 * await recoverCluster({
 *   from: ['/var/lib/counter'],
 *   dataDir: '/var/lib/counter-new',
 *   id: 1,
 *   address: '10.0.0.3:2380',
 *   machine: new Counter(),
 *   confirm: (plan) => !plan.mayLack,
 * })
 */
export async function recoverCluster<M extends AnyMachine>(
  options: RecoverOptions<M>,
): Promise<RecoveredCluster> {
  checkOptions('the options of recoverCluster', options, RULES)
  checkMachine(options.machine)
  parseAddress(options.address)
  const host: RecoveryHost = withDefaults<RecoveryHost>(systemHost, options.host)
  if (new Set(options.from.map((directory) => resolve(directory))).size < options.from.length)
    throw new SynodError('invalid-options', 'a directory is given twice with from: give each once')
  await requireEmpty(host.disk, options.dataDir)
  const sources = await openSources(host.disk, options.from)
  try {
    return await recover(options, host, sources)
  } finally {
    await closeSources(sources)
  }
}

async function recover<M extends AnyMachine>(
  options: RecoverOptions<M>,
  host: RecoveryHost,
  sources: readonly Source[],
): Promise<RecoveredCluster> {
  const { dataDir, onProgress = () => undefined } = options
  const executor = await newestState(options.machine, host, sources)
  const snapshot = executor.executed
  const journals = await readJournals(host.disk, sources, snapshot, (upTo) => {
    onProgress({ step: 'read', upTo })
  })
  const old = executeLog(executor, journals, (upTo) => {
    onProgress({ step: 'executed', upTo })
  })
  const plan = await planOf(old, snapshot, executor, host, sources)
  refuseIfRunning(plan, options.force ?? false)
  if (options.confirm !== undefined && !(await options.confirm(plan)))
    throw new SynodError('aborted', 'the recovery was not confirmed: nothing was written')
  const { cluster, parameters } = identityOf(sources)
  const { acceptor, clusterId } = await writeCluster(executor, {
    disk: host.disk,
    directory: dataDir,
    cluster,
    parameters,
    server: options.id,
    address: options.address,
    last: old.log.last,
    highest: old.log.highest,
    randomBytes: host.randomBytes,
    onWritten: (upTo) => {
      onProgress({ step: 'written', upTo })
    },
  })
  return { ...plan, dataDir, id: options.id, clusterId, acceptor }
}

/**
 * The state as the newest snapshot of all directories tells it, or the one that the cluster began
 * with.
 */
async function newestState<M extends AnyMachine>(
  machine: M,
  { disk }: RecoveryHost,
  sources: readonly Source[],
): Promise<Executor<M>> {
  const { quorums, window } = identityOf(sources).parameters
  const acceptors = founders(sources)
  const founding = foundingMembership(
    Object.keys(acceptors ?? {}).map(Number),
    quorums ?? undefined,
    acceptors ?? {},
  )
  const executor = new Executor(machine, new Membership(founding, window))
  const slotOf = ({ snapshots }: Source) => snapshots.newest?.slot ?? 0
  const [best] = [...sources].sort((a, b) => slotOf(b) - slotOf(a))
  if (best !== undefined && slotOf(best) > 0) {
    await restoreFrom(executor, disk, join(best.directory, snapshotName(slotOf(best))))
  } else if (acceptors === null) {
    const what = 'the directories are of servers that joined, and there is no snapshot'
    throw new SynodError('journal-damaged', `${what}: give a directory of a server that has one`)
  }
  return executor
}

async function planOf<M extends AnyMachine>(
  old: OldLog,
  snapshot: Slot,
  { membership: { members }, sessions, timeMs }: Executor<M>,
  host: RecoveryHost,
  sources: readonly Source[],
): Promise<RecoveryPlan> {
  const { cluster, parameters } = identityOf(sources)
  const { chosen, holes, journals, log, voted } = old
  const known = new Map(members.map((member) => [member.server, addressesOf(member, sources)]))
  const up = new Set(await respondingAddresses([...new Set([...known.values()].flat())], host))
  const given = new Set(sources.map(({ identity }) => identity.server))
  const { ballot, slot } = beginOf(log)
  return {
    cluster,
    mode: parameters.mode,
    sources: journals.map(({ finding, lostGroups, source }) => ({
      directory: source.directory,
      server: source.identity.server,
      journal: finding.case,
      finding: finding.message,
      lostGroups,
      snapshot: source.snapshots.newest?.slot ?? 0,
    })),
    members: members.map(({ role, server }) => ({
      server,
      role,
      addresses: known.get(server) ?? [],
      given: given.has(server),
      answersAt: (known.get(server) ?? []).filter((address) => up.has(address)),
    })),
    snapshot,
    chosen,
    voted,
    holes,
    lost: log.lost,
    last: log.last,
    slot,
    ballotSeq: ballot.seq,
    timeMs,
    sessions,
    mayLack: mayLack(old, members),
  }
}

/** Throws `cluster-running`. */
function refuseIfRunning({ members }: RecoveryPlan, force: boolean): void {
  const [first] = members.filter(({ answersAt }) => answersAt.length > 0)
  if (first === undefined || force) return
  throw new SynodError(
    'cluster-running',
    `something answers at ${first.answersAt.join(' and ')}, where s${first.server} of the old cluster listened: ` +
      `stop it, or give its directory; forced, the two clusters run side by side`,
  )
}

/** All sources are of one cluster. */
function identityOf([first]: readonly Source[]): Source['identity'] {
  if (first === undefined) throw new RangeError('a recovery needs a source')
  return first.identity
}
