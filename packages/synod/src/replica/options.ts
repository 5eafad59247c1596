import type { AnyMachine } from '../machine/machine.js'
import { MAX_ADDRESS_BYTES } from '../bytes/address.js'
import type { ClusterParameters } from '../cluster/parameters.js'
import { SynodError } from '../errors.js'
import { type Logger, silentLogger } from '../logger.js'
import { changeOf } from '../machine/change-codec.js'
import { type ConnectionLimits, connectionLimits } from '../net/transport/descriptors.js'
import { type Address, parseAddress } from '../net/transport/network.js'
import { checkOption, checkOptions as checkEach, invalid, withDefaults } from '../options.js'
import type { ServerId } from '../paxos/ballot.js'
import { DEFAULT_WINDOW, type Mode, PAXOS_DEFAULTS, type PaxosConfig } from '../paxos/config.js'
import type { Quorums } from '../paxos/quorum.js'
import type { TraceEvent } from '../trace/trace-event.js'
import { SPACE_LIMITS, type SpaceLimits } from './space-limits.js'
import { type Host, systemHost } from './host.js'
import { REPLICA_RULES, SERVER_ID } from './option-rules.js'
import { ReplicaTrace } from './replica-trace.js'
import { MAX_WAITING_REQUESTS } from './waiting-requests.js'
import { DEFAULT_SNAPSHOT_POLICY, type SnapshotPolicy } from './snapshots.js'

/** The largest command that is taken, encoded, in bytes. */
export const MAX_COMMAND_BYTES = 1 << 20

const DEFAULT_REQUEST_TIMEOUT_MS = 10_000

/**
 * A cluster as it is founded, the same on each of its servers; or, for a server that joins, as it
 * is now.
 */
export interface ClusterOptions {
  /**
   * Tells clusters apart: servers of another name are refused. `synod` unless given; up to 255
   * bytes.
   */
  readonly name?: string
  /**
   * By id (1 to 65,535), the address at which each server listens for the others, as `host:port`.
   * When the cluster has formed, its log says who is a member, and these are no more than
   * addresses: they go before those in the log.
   */
  readonly servers: Readonly<Record<ServerId, string>>
  /**
   * How many servers make a quorum in phase 1, which elects a leader, and in phase 2, in which
   * commands are chosen: together more than there are servers. Chosen once per cluster. Majorities
   * unless given. (docs/concepts/quorums.md)
   */
  readonly quorums?: Quorums
  /**
   * How long a leader's lease lasts, in milliseconds: with one it answers linearizable reads alone,
   * if the speeds of clocks differ by less than a fifth (docs/concepts/reads.md). 0, the default,
   * for none; else a whole number from twice the heartbeat to 600,000, equal on all servers.
   */
  readonly leaseMs?: number
}

export interface ReplicaOptions<M extends AnyMachine> {
  /** Which of the cluster's servers this is. */
  readonly id: ServerId
  /**
   * This server comes to a cluster that is there already, which has to add it (`changeMembership`):
   * it begins with a snapshot of another server. It counts only where the data directory is empty.
   * (docs/concepts/membership.md)
   */
  readonly join?: boolean
  readonly cluster: ClusterOptions
  /**
   * Where its promises and votes are kept. One directory for each replica; made if it is not there.
   */
  readonly dataDir: string
  /** The state machine, in its initial state. */
  readonly machine: M
  /** How slots get decided: `leader` unless given. All servers of a cluster must agree. */
  readonly mode?: Mode
  /** Listen for clients here, as `host:port`. Without it, only this process uses the replica. */
  readonly clients?: string
  /** Listen for peers here, where that is not the address under which they find this server. */
  readonly listen?: string
  /** 50 ms unless given, 1 to 60,000. */
  readonly heartbeatMs?: number
  /** 500 ms unless given, at least twice the heartbeat, up to 600,000. */
  readonly electionTimeoutMs?: number
  /**
   * How long `execute` and `read` go on trying: 10,000 ms unless given, 1 to 3,600,000, or Infinity
   * for no limit.
   */
  readonly requestTimeoutMs?: number
  /**
   * How many commands may wait here to be executed, and as many reads; more are refused as
   * `overloaded`, with a hint when to try again. The fewer, the sooner a client hears that there is
   * too much to do. 65,536 unless given, 1 to 65,536.
   */
  readonly maxWaiting?: number
  /** When to take snapshots, where the state machine has them. (docs/concepts/snapshots.md) */
  readonly snapshots?: Partial<SnapshotPolicy>
  /** Silent unless given. */
  readonly logger?: Logger
  /**
   * Is told of all that this replica does in the protocol, at once: docs/reference/trace.md.
   * The events are plain data, and belong to the callback. What it throws ends the trace, with a
   * warning in the log, and not the replica.
   */
  readonly trace?: (event: TraceEvent) => void
  /**
   * The replica has failed and can do nothing more: its disk failed, a peer broke the protocol, or
   * it was `removed`. Unless given, the error is thrown where no caller can catch it, which ends
   * the process.
   */
  readonly onFatal?: (error: SynodError) => void
  /** For tests: the disk, network, clock and randomness to run on. */
  readonly host?: Partial<Host>
}

/** Checked options, with what was left out filled in. */
export interface Settings {
  readonly id: ServerId
  readonly clusterName: string
  readonly join: boolean
  /** Those of the options, in the order of their ids. */
  readonly servers: readonly ServerId[]
  readonly parameters: ClusterParameters
  readonly addresses: ReadonlyMap<ServerId, Address>
  readonly listen: Address
  readonly clients: Address | undefined
  readonly dataDir: string
  readonly mode: Mode
  readonly paxos: Omit<PaxosConfig, 'voting' | 'membership'>
  readonly requestTimeoutMs: number
  readonly maxWaiting: number
  readonly connections: ConnectionLimits
  readonly snapshots: SnapshotPolicy
  readonly space: SpaceLimits
  readonly logger: Logger
  readonly trace: ReplicaTrace | undefined
  readonly onFatal: (error: SynodError) => void
  readonly host: Host
}

/** Throws SynodError `invalid-options`, saying which option is wrong and what it may be. */
export function checkReplicaOptions<M extends AnyMachine>(options: ReplicaOptions<M>): Settings {
  checkEach('the options of Replica.open', options, REPLICA_RULES)
  const { id, cluster, dataDir, mode = 'leader' } = options
  const addresses = checkServers(cluster)
  const own = addresses.get(id)
  const servers = [...addresses.keys()]
  if (own === undefined) throw invalid('id', `one of the cluster's servers, ${servers.join(', ')}`, id)
  const { heartbeatMs = PAXOS_DEFAULTS.heartbeatMs, electionTimeoutMs = PAXOS_DEFAULTS.electionTimeoutMs } =
    options
  const { maxWaiting = MAX_WAITING_REQUESTS, requestTimeoutMs = DEFAULT_REQUEST_TIMEOUT_MS } = options
  const join = options.join === true
  if (join && (options.machine.snapshot === undefined || options.machine.restore === undefined))
    throw fault('a server joins by a snapshot: its state machine must have snapshot and restore')
  const leaseMs = checkLease(cluster.leaseMs, mode, heartbeatMs)
  const host: Host = withDefaults(systemHost, options.host)
  const window = host.window ?? DEFAULT_WINDOW[mode]
  const { logger = silentLogger, trace: onEvent } = options
  if (electionTimeoutMs < 2 * heartbeatMs)
    throw invalid('electionTimeoutMs', `at least twice the heartbeat, ${2 * heartbeatMs}`, electionTimeoutMs)
  const snapshots = withDefaults(DEFAULT_SNAPSHOT_POLICY, options.snapshots)
  return {
    id,
    join,
    clusterName: cluster.name ?? 'synod',
    servers,
    parameters: { mode, quorums: cluster.quorums ?? null, leaseMs, window },
    addresses,
    listen: options.listen === undefined ? own : parseAddress(options.listen),
    clients: options.clients === undefined ? undefined : parseAddress(options.clients),
    dataDir,
    mode,
    paxos: {
      self: id,
      changeOf,
      mode,
      heartbeatMs,
      electionTimeoutMs,
      resendMs: PAXOS_DEFAULTS.resendMs,
      preparedSlots: PAXOS_DEFAULTS.preparedSlots,
      archiveBlockBytes: host.archiveBlockBytes ?? PAXOS_DEFAULTS.archiveBlockBytes,
      window,
      leaseMs,
    },
    requestTimeoutMs,
    maxWaiting,
    connections: connectionLimits(host.descriptors()),
    snapshots,
    space: host.space ?? SPACE_LIMITS,
    logger,
    trace:
      onEvent === undefined
        ? undefined
        : new ReplicaTrace({ server: id, clock: host.clock, logger, onEvent }),
    onFatal: options.onFatal ?? host.crash,
    host,
  }
}

/** Shorter ones would run out between two heartbeats. */
function checkLease(leaseMs = 0, mode: Mode, heartbeatMs: number): number {
  if (leaseMs === 0) return 0
  if (mode === 'leaderless')
    throw fault('cluster.leaseMs is for leader mode: without a leader no server reads alone')
  if (leaseMs < 2 * heartbeatMs)
    throw invalid('cluster.leaseMs', `0, or at least twice the heartbeat, ${2 * heartbeatMs}`, leaseMs)
  return leaseMs
}

function checkServers({ servers }: ClusterOptions): Map<ServerId, Address> {
  const addresses = new Map<ServerId, Address>()
  for (const [key, address] of Object.entries(servers)) {
    const id = Number(key)
    checkOption('an id in cluster.servers', id, SERVER_ID)
    addresses.set(id, parseAddress(address))
    if (Buffer.byteLength(address) > MAX_ADDRESS_BYTES)
      throw fault(`the address of s${id} must have at most ${MAX_ADDRESS_BYTES} bytes`)
  }
  return addresses
}

/** What is wrong where options do not go together. */
function fault(message: string): SynodError {
  return new SynodError('invalid-options', message)
}
