// A cluster with millions of keys: what snapshots cost writers meanwhile, how long a
// replica that comes back takes, and one that has missed everything.
import { mkdir, readdir, stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { connect } from 'synod'
import { readArguments } from './arguments.js'
import { VALUE_BYTES, fill } from './fill.js'
import { Latencies } from './latencies.js'
import { output, peak_MiB } from './processes.js'
import { progress } from './progress.js'
import { saveSection } from './report.js'
import { statusesOf, statusesWhen } from './statuses.js'
import { type SynodCluster, startSynod } from './systems.js'

const HELP = `Usage: npm run bench:state -- [options]

  --keys N      how many keys are written (default: 10000000)
  --dir DIR     where the data goes; it must be on the disk to be measured (default: .bench)
  --no-save     do not write the result into tools/bench/results.md
`
const WATCH_MS = 20
/**
 * With as many writes under way as there can be, each waits for the others, snapshot or not. So
 * snapshots are looked at again at a pace that the servers can keep, with values that fill the
 * journal soon.
 */
const PACED_S = 60
const PACE_PER_S = 10_000
const PACED_VALUE_BYTES = 256
/** How long writing goes on before and after a replica catches up. */
const QUIET_S = 10
/**
 * The processor of the servers that have not been away, and that of all else, where there are two.
 */
const FIRST = '0'
const OTHERS = '1'
/** A replica has caught up when it is no further behind than this, as writing goes on. */
const BEHIND_SLOTS = 2000

const options = readArguments(HELP, {
  keys: '10000000',
  dir: '.bench',
  save: true,
})
const keys = Number(options.keys)
const directory = join(process.cwd(), options.dir)
await mkdir(directory, { recursive: true })

const cluster = await startSynod('leader', directory)
const watching = connect({ endpoints: cluster.endpoints, timeoutMs: 5000 })
const newLatencies = () => ({ during: new Latencies(), otherwise: new Latencies() })
const [latencies, paced] = [newLatencies(), newLatencies()]
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
  await statusesWhen(
    watching,
    (statuses) => statuses.length === 3 && statuses.every(({ leader }) => leader !== null),
  )
  const away = await follower()
  await cluster.servers[away - 1]?.stop('SIGKILL')

  const beganMs = performance.now()
  const watch = setInterval(() => void look(), WATCH_MS)
  await load()
  const loadSeconds = (performance.now() - beganMs) / 1000
  const loadSnapshots = snapshots
  const [first] = await statusesWhen(watching, (statuses) =>
    statuses.every(({ snapshot }) => !snapshot.writing),
  )
  const size = await sizeOnDisk(cluster, first?.server ?? 1)

  const catchUpSeconds = await startAndWait(away)
  await write()
  clearInterval(watch)
  const missing = await follower(away)
  await cluster.servers[missing - 1]?.stop('SIGKILL')
  const underLoad = await catchUpUnderLoad(missing)
  const back = await follower(missing)
  await cluster.servers[back - 1]?.stop('SIGTERM')
  const restartSeconds = await startAndWait(back)
  const peaks = await Promise.all(cluster.servers.map(({ child }) => peak_MiB(child.pid ?? 0)))

  const pacedRatio = paced.during.percentile(0.999) / paced.otherwise.percentile(0.99)
  const rows = [
    ['written', `${keys} keys with ${VALUE_BYTES} bytes each, ${Math.round(keys / loadSeconds)} /s`],
    ['snapshots meanwhile', `${loadSnapshots}`],
    ['write latency, no snapshot under way', percentiles(latencies.otherwise)],
    ['write latency, while one is written', percentiles(latencies.during)],
    [`${PACE_PER_S} writes /s, no snapshot under way`, percentiles(paced.otherwise)],
    [
      `${PACE_PER_S} writes /s, while one is written`,
      `${percentiles(paced.during)}: p99.9 is ${pacedRatio.toFixed(1)} × the p99 above`,
    ],
    ['newest snapshot; journal behind it', `${size.snapshot} MiB; ${size.journal} MiB`],
    [
      'a replica that missed everything',
      `${catchUpSeconds.toFixed(1)} s to the state of the others, nothing written meanwhile`,
    ],
    [
      `one that missed ${underLoad.missed} writes`,
      `${underLoad.catchUpSeconds.toFixed(1)} s, writes going on`,
    ],
    ['writes while it caught up', `× ${underLoad.ratio.toFixed(2)} of those before and after`],
    ['a replica that is restarted', `${restartSeconds.toFixed(1)} s to the state of the others`],
    ['peak memory of the replicas', `${peaks.join(', ')} MiB`],
  ]
  return `${rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`.replace('\n', '\n| --- | --- |\n')
}

/** Writes every key once, in an order that jumps about. */
async function load(): Promise<void> {
  await fill({
    endpoints: cluster.endpoints,
    keys,
    goesOn: (count) => count < keys,
    around: async (put, count) => {
      await timed(latencies, performance.now(), put)
      if (count % 100_000 === 0) progress(`${count} of ${keys} keys, ${snapshots} snapshots`)
    },
  })
  progress('')
}

/**
 * Writes keys anew at a steady pace, with all servers up. A write that begins late counts from when
 * it was due.
 */
async function write(): Promise<void> {
  const beganMs = performance.now()
  await fill({
    endpoints: cluster.endpoints,
    keys,
    valueBytes: PACED_VALUE_BYTES,
    goesOn: (count) => count < PACED_S * PACE_PER_S,
    around: async (put, count) => {
      const dueMs = beganMs + (count / PACE_PER_S) * 1000
      const earlyMs = dueMs - performance.now()
      if (earlyMs > 0) await new Promise((resolve) => setTimeout(resolve, earlyMs))
      // Timers may be a little early.
      await timed(paced, Math.min(dueMs, performance.now()), put)
      if (count % PACE_PER_S === 0) progress(`${count / PACE_PER_S} of ${PACED_S} s at a steady pace`)
    },
  })
  progress('')
}

async function timed(
  into: ReturnType<typeof newLatencies>,
  beganMs: number,
  put: () => Promise<unknown>,
): Promise<void> {
  const wasSnapshotting = isSnapshotting
  await put()
  // One that saw a snapshot begin or end is neither.
  if (wasSnapshotting === isSnapshotting)
    into[isSnapshotting ? 'during' : 'otherwise'].add(performance.now() - beganMs)
}

/**
 * Starts a server that has missed much, while others write. Servers of a cluster do not share
 * their processors as these do: the servers that stayed have the first one to themselves here,
 * and the one that comes back shares another with the clients.
 */
async function catchUpUnderLoad(
  away: number,
): Promise<{ missed: number; catchUpSeconds: number; ratio: number }> {
  let written = 0
  let isOver = false
  const writing = fill({
    endpoints: cluster.endpoints,
    keys,
    goesOn: () => !isOver,
    around: async (put) => {
      await put()
      written++
    },
  })
  const rateOf = async <T>(work: () => Promise<T>): Promise<[rate: number, result: T]> => {
    const [before, beganMs] = [written, performance.now()]
    const result = await work()
    return [(written - before) / (performance.now() - beganMs), result]
  }
  const quiet = () => new Promise<void>((resolve) => setTimeout(resolve, 1000 * QUIET_S))
  for (const [index, { child }] of cluster.servers.entries())
    if (index + 1 !== away) await pin(child.pid, FIRST)
  await pin(process.pid, OTHERS)
  const [before] = await rateOf(quiet)
  const missed = written
  const [during, catchUpSeconds] = await rateOf(() => startAndWait(away))
  const [after] = await rateOf(quiet)
  isOver = true
  await writing
  return { missed, catchUpSeconds, ratio: (2 * during) / (before + after) }
}

async function look(): Promise<void> {
  const statuses = await statusesOf(watching)
  const before = isSnapshotting
  isSnapshotting = statuses.some(({ snapshot }) => snapshot.writing)
  if (isSnapshotting && !before) snapshots++
}

/** All threads of a process run on this processor from now on, and what it starts. */
async function pin(pid: number | undefined, processor: string): Promise<void> {
  if (availableParallelism() === 1) return
  await output('taskset', ['--all-tasks', '--pid', '--cpu-list', processor, String(pid ?? process.pid)])
}

/** How long until a server that is started has executed what the others have. */
async function startAndWait(id: number): Promise<number> {
  const beganMs = performance.now()
  progress(`s${id} comes back`)
  await cluster.startServer(id)
  await statusesWhen(watching, (statuses) => {
    const most = Math.max(...statuses.map(({ watermarks }) => watermarks.chosen))
    return (
      statuses.length === 3 && statuses.every(({ watermarks }) => watermarks.executed >= most - BEHIND_SLOTS)
    )
  })
  progress('')
  return (performance.now() - beganMs) / 1000
}

async function follower(than = 0): Promise<number> {
  const statuses = await statusesWhen(watching, (all) => all.every(({ leader }) => leader !== null))
  const found = statuses.find(({ role, server }) => role === 'follower' && server !== than)
  if (found === undefined) throw new Error('nobody follows')
  return found.server
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

function percentiles(of: Latencies): string {
  const [p50, p99, p999] = [0.5, 0.99, 0.999].map((share) => of.percentile(share).toFixed(1))
  return `p50 ${p50}, p99 ${p99}, p99.9 ${p999} ms of ${of.count}`
}
