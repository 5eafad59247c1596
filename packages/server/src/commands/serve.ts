import {
  type AnyMachine,
  type Logger,
  type Mode,
  type Quorums,
  Replica,
  type ReplicaMetrics,
  type ReplicaOptions,
  SynodError,
} from 'synod'
import { type Command, Option } from 'commander'
import { serveMetrics } from '../metrics/metrics-server.js'
import { prometheusText } from '../metrics/prometheus.js'
import { openTraceFile } from '../trace/trace-file.js'
import { TraceWriter } from '../trace/trace-writer.js'
import { finish } from '../terminal/common-options.js'
import { defined } from '../terminal/defined.js'
import { lineLogger, logLine } from '../terminal/log.js'
import { type OutputOptions, droppedLine, droppedMessage, print } from '../terminal/output.js'
import { MAX_SERVER_ID, integerFrom, parseQuorums, parseServers } from '../terminal/parsers.js'
import { outliveReaders, writeStream } from '../terminal/standard-streams.js'
import { stopRequest } from '../terminal/stop-request.js'
import type { ServedStore } from './served-store.js'

interface ServeOptions extends OutputOptions {
  readonly id: number
  readonly clusterName: string
  readonly servers: Record<number, string>
  readonly clients: string
  readonly dataDir: string
  readonly join?: boolean
  readonly mode: Mode
  readonly quorums?: Quorums
  readonly leaseMs?: number
  readonly listen?: string
  readonly heartbeatMs?: number
  readonly electionTimeoutMs?: number
  readonly snapshotEvery?: number
  readonly snapshotBytes?: number
  readonly keepSlots?: number
  readonly maxWaiting?: number
  readonly metrics?: string
  readonly trace?: string
}

/** What a replica reports to while it runs. */
interface Listeners {
  readonly logger: Logger
  readonly trace: TraceWriter | undefined
  readonly onFatal: (error: SynodError) => void
}

/** Adds `synod serve`, whose replica holds this store. */
export function addServe<M extends AnyMachine>(program: Command, store: ServedStore<M>): void {
  const serve = program
    .command('serve')
    .description(
      'Run one replica of the store, until SIGINT or SIGTERM, or until it is removed from the cluster. ' +
        'It logs to stderr.',
    )
    .requiredOption('--id <n>', 'which of the servers this is', integerFrom(1, MAX_SERVER_ID))
    .requiredOption('--cluster-name <name>', 'the name of the cluster, the same on all its servers')
    .requiredOption(
      '--servers <list>',
      'all servers, when the cluster is founded: id=host:port, with commas; the addresses are for peers',
      parseServers,
    )
    .requiredOption('--clients <host:port>', 'where to listen for clients')
    .requiredOption('--data-dir <dir>', 'where promises and votes are kept: one directory for each replica')
    .option(
      '--join',
      'join an existing cluster, with an empty directory (see synod member add --help); ' +
        '--servers then lists this server and the servers that it asks first',
    )
    .addOption(
      new Option('--mode <mode>', 'how slots get decided, the same on all servers, for good')
        .choices(['leader', 'leaderless'])
        .default('leader'),
    )
    .option(
      '--quorums <p1,p2>',
      'the sizes of quorums in phase 1 and in phase 2; the same on all servers, and never changed (default: majorities)',
      parseQuorums,
    )
    .option(
      '--lease-ms <ms>',
      'let the leader answer reads alone under leases of this length; the same on all servers, and never changed (default: none)',
      integerFrom(0, 600_000),
    )
    .option('--listen <host:port>', 'where to listen for peers, if not at the address in --servers')
    .option(
      '--heartbeat-ms <ms>',
      'how often the leader sends a heartbeat (default: 50)',
      integerFrom(1, 60_000),
    )
    .option(
      '--election-timeout-ms <ms>',
      'how long followers wait for a heartbeat, at least twice --heartbeat-ms (default: 500)',
      integerFrom(2, 600_000),
    )
    .option(
      '--snapshot-every <slots>',
      'take a snapshot after this many slots (default: 200000)',
      integerFrom(1, 1e9),
    )
    .option(
      '--snapshot-bytes <bytes>',
      'take a snapshot after this many bytes of journal (default: 67108864)',
      integerFrom(1, 2 ** 40),
    )
    .option(
      '--keep-slots <slots>',
      'keep this many slots before the snapshot (default: 10000)',
      integerFrom(0, 1e6),
    )
    .option(
      '--max-waiting <n>',
      'the most commands that may wait, and the most reads; further ones are refused as overloaded (default: 65536)',
      integerFrom(1, 65_536),
    )
    .option('--metrics <host:port>', 'serve metrics at http://host:port/metrics, for Prometheus')
    .option(
      '--trace <file>',
      'append what this replica does to a file, as NDJSON (see docs/reference/trace.md)',
    )
    .action((options: ServeOptions) => run(options, store))
  finish(serve, [
    'serve --id 1 --cluster-name main --data-dir /var/lib/synod --clients 10.0.0.1:2379 \\\n' +
      '      --servers 1=10.0.0.1:2380,2=10.0.0.2:2380,3=10.0.0.3:2380',
    'serve --id 4 --join --cluster-name main --data-dir /var/lib/synod --clients 10.0.0.4:2379 \\\n' +
      '      --servers 1=10.0.0.1:2380,2=10.0.0.2:2380,4=10.0.0.4:2380',
  ])
}

async function run<M extends AnyMachine>(options: ServeOptions, store: ServedStore<M>): Promise<void> {
  const { json = false } = options
  const logger = lineLogger(json, (line) => {
    writeStream('stderr', line)
  })
  outliveReaders({
    stdout: (lines) => droppedLine(options, lines),
    stderr: (lines) => logLine(json, 'warn', { lines }, droppedMessage(lines)),
  })
  const trace = await beginTrace(options, logger)
  try {
    await new Promise<void>((resolve, reject) => {
      serve(options, store, { logger, trace, onFatal: reject }).then(resolve, reject)
    })
  } catch (error) {
    if (!(error instanceof SynodError) || error.code !== 'removed') throw error
    // Removal is no failure: a supervisor that restarts failed processes must leave this one alone.
    const { clusterName: cluster, dataDir, id } = options
    const text = `removed s${id} is not a member of cluster ${cluster} any more; nothing needs ${dataDir} now`
    print(options, text, { event: 'removed', id, cluster, dataDir })
  } finally {
    await trace?.close()
  }
}

/** Resolves when the replica was asked to stop and is closed. */
async function serve<M extends AnyMachine>(
  options: ServeOptions,
  store: ServedStore<M>,
  listeners: Listeners,
): Promise<void> {
  const { logger } = listeners
  const { clients, dataDir, id, servers } = options
  const stop = stopRequest((signal) => {
    logger.info({ signal }, `${signal} is ignored`)
  })
  // The port for metrics comes first: a start that fails leaves the data directory as it was.
  let replica: Replica<M> | undefined
  const endMetrics = await beginMetrics(options, () => replica?.metrics(), logger)
  try {
    replica = await openReplica(options, store, listeners)
  } catch (error) {
    await endMetrics?.()
    throw error
  }
  const { pid } = process
  const peers = options.listen ?? servers[id] ?? ''
  print(options, `ready s${id} pid ${pid} clients ${clients} peers ${peers} data ${dataDir}`, {
    event: 'ready',
    id,
    pid,
    clients,
    peers,
    dataDir,
  })
  await stop
  await replica.close()
  await endMetrics?.()
}

function openReplica<M extends AnyMachine>(
  options: ServeOptions,
  store: ServedStore<M>,
  { logger, onFatal, trace }: Listeners,
): Promise<Replica<M>> {
  const { clients, clusterName: name, dataDir, id, join, leaseMs: leaseMs, mode, quorums, servers } = options
  const open: ReplicaOptions<M> = {
    id,
    cluster: { name, servers, ...defined({ quorums, leaseMs }) },
    dataDir,
    machine: store.machine(),
    mode,
    clients,
    ...defined({
      join,
      listen: options.listen,
      heartbeatMs: options.heartbeatMs,
      electionTimeoutMs: options.electionTimeoutMs,
      maxWaiting: options.maxWaiting,
    }),
    snapshots: defined({
      everySlots: options.snapshotEvery,
      everyBytes: options.snapshotBytes,
      keepSlots: options.keepSlots,
    }),
    logger,
    ...(trace === undefined ? {} : { trace: (event) => trace.add(event) }),
    onFatal,
  }
  // bin.ts names the store, and the compiler checks the types of its machine there.
  return Replica.open<M>(open as never)
}

/** A trace that cannot be written ends the command. */
async function beginTrace(
  { id: server, trace: path }: ServeOptions,
  logger: Logger,
): Promise<TraceWriter | undefined> {
  if (path === undefined) return undefined
  return new TraceWriter({ file: await openTraceFile(path), path, server, logger })
}

/**
 * Resolves with the function that ends the metrics. Metrics that cannot be served end the command.
 */
async function beginMetrics(
  { clusterName: cluster, id, metrics: address }: ServeOptions,
  metrics: () => ReplicaMetrics | undefined,
  logger: Logger,
): Promise<(() => Promise<void>) | undefined> {
  if (address === undefined) return undefined
  const labels = { cluster, server: `s${id}` }
  const text = () => {
    const counted = metrics()
    return counted === undefined ? undefined : prometheusText(counted, labels)
  }
  return serveMetrics(address, text, logger)
}
