// A cluster with millions of keys: what snapshots cost those who write meanwhile, how long a replica that comes back takes, and
// one that has missed everything.
import { mkdir, readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type EndpointStatus, type ReplicaStatus, connect } from 'synod'
import { kvCodecs } from 'synod-server'
import { Latencies } from './latencies.js'
import { saveSection } from './report.js'
import { type SynodCluster, startSynod } from './systems.js'

const HELP = `Usage: npm run bench:state -- [options]

  --keys N      how many keys are written (default: 10000000)
  --dir DIR     where the data goes; it must be on the disk to be measured (default: .bench)
  --no-save     do not write the result into bench/results.md
`
const CLIENTS = 4
const IN_FLIGHT = 128
const VALUE_BYTES = 16
const WATCH_MS = 20

const { values: options } = parseArgs({
  allowNegative: true,
  options: {
    keys: { type: 'string', default: '10000000' },
    dir: { type: 'string', default: '.bench' },
    save: { type: 'boolean', default: true },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  process.stdout.write(HELP)
  process.exit(0)
}
const keys = Number(options.keys)
const directory = join(process.cwd(), options.dir)
await mkdir(directory, { recursive: true })

const cluster = await startSynod('leader', directory)
const watching = await connect({ endpoints: cluster.endpoints, timeout_ms: 5000 })
const latencies = { during: new Latencies(), otherwise: new Latencies() }
/** Some replica writes a snapshot at the moment. */
let isSnapshotting = false
let snapshots = 0
try {
  const report = await run()
  process.stdout.write(report)
  if (options.save) await saveSection('Millions of keys', report)
} finally {
  await watching.close()
  await cluster.stop()
}

async function run(): Promise<string> {
  await statusesWhen((statuses) => statuses.length === 3 && statuses.every(({ leader }) => leader !== null))
  const away = await follower()
  await cluster.servers[away - 1]?.stop('SIGKILL')

  const began_ms = performance.now()
  const watch = setInterval(() => void look(), WATCH_MS)
  await load()
  clearInterval(watch)
  const load_s = (performance.now() - began_ms) / 1000
  const [first] = await statusesWhen((statuses) => statuses.every(({ snapshot }) => !snapshot.writing))
  const size = await sizeOnDisk(cluster, first?.server ?? 1)

  const catchUp_s = await startAndWait(away)
  const back = await follower(away)
  await cluster.servers[back - 1]?.stop('SIGTERM')
  const restart_s = await startAndWait(back)
  const peaks = await Promise.all(cluster.servers.map(({ child }) => peak_MiB(child.pid ?? 0)))

  const ratio = latencies.during.percentile(0.999) / latencies.otherwise.percentile(0.999)
  const rows = [
    ['written', `${keys} keys with ${VALUE_BYTES} bytes each, ${Math.round(keys / load_s)} /s`],
    ['snapshots meanwhile', `${snapshots}`],
    ['write latency, no snapshot under way', percentiles(latencies.otherwise)],
    ['write latency, while one is written', `${percentiles(latencies.during)}; p99.9 × ${ratio.toFixed(1)}`],
    ['newest snapshot; journal behind it', `${size.snapshot} MiB; ${size.journal} MiB`],
    ['a replica that missed everything', `${catchUp_s.toFixed(1)} s to the state of the others`],
    ['a replica that is restarted', `${restart_s.toFixed(1)} s to the state of the others`],
    ['peak memory of the replicas', `${peaks.join(', ')} MiB`],
  ]
  return `${rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`.replace('\n', '\n| --- | --- |\n')
}

/** Writes every key once, in an order that jumps about. */
async function load(): Promise<void> {
  let next = 0
  const value = Buffer.alloc(VALUE_BYTES, 'v')
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, () =>
      connect({ endpoints: cluster.endpoints, codecs: kvCodecs, timeout_ms: 60_000 }),
    ),
  )
  const write = async (client: (typeof clients)[number]) => {
    while (next < keys) {
      const key = `key/${String((next++ * 7_919) % keys).padStart(9, '0')}`
      const began_ms = performance.now()
      const wasSnapshotting = isSnapshotting
      await client.execute({ type: 'put', key, value })
      const latency_ms = performance.now() - began_ms
      if (wasSnapshotting === isSnapshotting)
        latencies[wasSnapshotting ? 'during' : 'otherwise'].add(latency_ms)
      if (next % 100_000 === 0) progress(`${next} of ${keys} keys, ${snapshots} snapshots`)
    }
  }
  await Promise.all(clients.flatMap((client) => Array.from({ length: IN_FLIGHT }, () => write(client))))
  progress('')
  await Promise.all(clients.map((client) => client.close()))
}

async function look(): Promise<void> {
  const statuses = known(await watching.status({ timeout_ms: 1000 }))
  const before = isSnapshotting
  isSnapshotting = statuses.some(({ snapshot }) => snapshot.writing)
  if (isSnapshotting && !before) snapshots++
}

/** How long until a server that is started has executed what the others have. */
async function startAndWait(id: number): Promise<number> {
  const began_ms = performance.now()
  progress(`s${id} comes back`)
  await cluster.startServer(id)
  await statusesWhen(
    (statuses) =>
      statuses.length === 3 && statuses.every(({ bars }) => bars.executed === statuses[0]?.bars.chosen),
  )
  progress('')
  return (performance.now() - began_ms) / 1000
}

async function follower(than = 0): Promise<number> {
  const statuses = await statusesWhen((all) => all.every(({ leader }) => leader !== null))
  const found = statuses.find(({ role, server }) => role === 'follower' && server !== than)
  if (found === undefined) throw new Error('nobody follows')
  return found.server
}

async function statusesWhen(
  holds: (statuses: readonly ReplicaStatus[]) => boolean,
): Promise<ReplicaStatus[]> {
  for (;;) {
    const statuses = known(await watching.status({ timeout_ms: 5000 }))
    if (statuses.length > 0 && holds(statuses)) return statuses
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS))
  }
}

function known(answers: readonly EndpointStatus[]): ReplicaStatus[] {
  return answers.flatMap((answer) => ('status' in answer ? [answer.status] : []))
}

async function sizeOnDisk(
  { dataDirs }: SynodCluster,
  id: number,
): Promise<{ snapshot: number; journal: number }> {
  const dataDir = dataDirs[id - 1] ?? ''
  const size = { snapshot: 0, journal: 0 }
  for (const name of await readdir(dataDir)) {
    const kind = /\.(snapshot|journal)$/.exec(name)?.[1] as keyof typeof size | undefined
    if (kind !== undefined) size[kind] += (await stat(join(dataDir, name))).size
  }
  return { snapshot: Math.round(size.snapshot / 2 ** 20), journal: Math.round(size.journal / 2 ** 20) }
}

/** The most memory that a process has had resident. */
async function peak_MiB(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/^VmHWM:\s*(\d+) kB$/m.exec(text)?.[1] ?? NaN) / 1024)
}

function percentiles(of: Latencies): string {
  const [p50, p99, p999] = [0.5, 0.99, 0.999].map((share) => of.percentile(share).toFixed(1))
  return `p50 ${p50}, p99 ${p99}, p99.9 ${p999} ms of ${of.count}`
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}
