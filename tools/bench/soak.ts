// A cluster at steady load for as long as one likes: does it need more memory or more disk as time
// goes by?
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'synod'
import { kvCodecs } from 'synod-server'
import { readArguments } from './arguments.js'
import { type Panel, plotSvg } from './plot.js'
import { startSynod } from './systems.js'
import { type Point, trendOf } from './trend.js'

const HELP = `Usage: npm run soak -- [options]

  --minutes N   how long (default: 60)
  --mode M      leader or leaderless (default: leader)
  --rate N      operations in a second, half of them puts of 256 bytes (default: 1000)
  --dir DIR     where the data goes, and the result: soak.ndjson, soak.svg (default: .bench)

It fails if memory or disk of a replica grew by more than a tenth between the first third of the time and its end,
by the line through all samples. Ctrl-C ends it early, with what has been seen so far.
`
const KEYS = 10_000
const BATCH_MS = 10
const MOST_UNDER_WAY = 4096
const SAMPLE_MS = 1000
const FLAT = 0.1
/** Often enough for many of them within minutes. */
const SNAPSHOT_ARGS = ['--snapshot-bytes', String(4 << 20), '--snapshot-every', '20000']

const options = readArguments(HELP, {
  minutes: '60',
  mode: 'leader',
  rate: '1000',
  dir: '.bench',
})
const durationMs = Number(options.minutes) * 60_000
const rate = Number(options.rate)
if (!(durationMs > 0) || !(rate > 0) || (options.mode !== 'leader' && options.mode !== 'leaderless')) {
  process.stderr.write(HELP)
  process.exit(2)
}

interface Sample {
  readonly atSeconds: number
  readonly server: number
  readonly memory_MiB: number
  readonly disk_MiB: number
  readonly files: number
}

/** What is sampled, of each server. */
interface Quantity {
  readonly title: string
  readonly unit: string
  readonly servers: readonly { readonly name: string; readonly points: readonly Point[] }[]
}

const directory = join(process.cwd(), options.dir)
await mkdir(directory, { recursive: true })
const cluster = await startSynod(options.mode, directory, SNAPSHOT_ARGS)
const client = connect({ endpoints: cluster.endpoints, codecs: kvCodecs, timeoutMs: 30_000 })
const samples: Sample[] = []
const counts = { done: 0, failed: 0, underWay: 0 }
let isOver = false
process.once('SIGINT', () => {
  isOver = true
})
try {
  await soak()
} finally {
  await client.close()
  await cluster.stop()
}
await report()

async function soak(): Promise<void> {
  const beganMs = performance.now()
  let issued = 0
  const load = setInterval(() => {
    const due = Math.floor(((performance.now() - beganMs) / 1000) * rate)
    // What cannot be kept up with is left out, rather than made up for later.
    for (; issued < due; issued++) if (counts.underWay < MOST_UNDER_WAY) void operate(issued)
  }, BATCH_MS)
  while (!isOver && performance.now() - beganMs < durationMs) {
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS))
    const atSeconds = Math.round((performance.now() - beganMs) / 1000)
    for (const server of [1, 2, 3]) samples.push(await sample(server, atSeconds))
    if (process.stderr.isTTY)
      process.stderr.write(
        `\r\x1b[K${atSeconds} s of ${durationMs / 1000}: ${counts.done} done, ${counts.failed} failed`,
      )
  }
  clearInterval(load)
  // What is under way ends, or times out.
  while (counts.underWay > 0) await new Promise((resolve) => setTimeout(resolve, BATCH_MS))
  if (process.stderr.isTTY) process.stderr.write('\n')
}

async function operate(number: number): Promise<void> {
  const key = `key/${(number * 7919) % KEYS}`
  counts.underWay++
  try {
    if (number % 2 === 0) await client.execute({ type: 'put', key, value: Buffer.alloc(256, number) })
    else await client.read({ type: 'get', key })
    counts.done++
  } catch {
    counts.failed++
  }
  counts.underWay--
}

async function sample(server: number, atSeconds: number): Promise<Sample> {
  const pid = cluster.servers[server - 1]?.child.pid ?? 0
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  const memory_MiB = Number(/^VmRSS:\s*(\d+) kB$/m.exec(text)?.[1] ?? NaN) / 1024
  const dataDir = cluster.dataDirs[server - 1] ?? ''
  let disk = 0
  // A file may go while it is looked at.
  for (const name of await readdir(dataDir))
    disk += (await stat(join(dataDir, name)).catch(() => undefined))?.size ?? 0
  const files = (await readdir(`/proc/${pid}/fd`)).length
  return { atSeconds, server, memory_MiB, disk_MiB: disk / 2 ** 20, files }
}

async function report(): Promise<void> {
  await writeFile(join(directory, 'soak.ndjson'), samples.map((it) => `${JSON.stringify(it)}\n`).join(''))
  const quantity = (title: string, unit: string, of: (it: Sample) => number): Quantity => ({
    title,
    unit,
    servers: [1, 2, 3].map((server) => ({ name: `s${server}`, points: pointsOf(server, of) })),
  })
  const quantities = [
    quantity('Resident memory', 'MiB', ({ memory_MiB }) => memory_MiB),
    quantity('Data directory', 'MiB', ({ disk_MiB }) => disk_MiB),
    quantity('Open files', 'files', ({ files }) => files),
  ]
  await writeFile(join(directory, 'soak.svg'), plotSvg(quantities.map(panelOf)))
  let isFlat = true
  for (const { servers, title, unit } of quantities) {
    for (const { name, points } of servers) {
      const { gained, mean, perHour } = trendOf(points)
      const verdict = gained <= FLAT ? 'flat' : 'GROWS'
      if (gained > FLAT) isFlat = false
      const figures = `mean ${mean.toFixed(1)} ${unit}, ${perHour.toFixed(2)} ${unit}/h, ${(100 * gained).toFixed(1)} %`
      process.stdout.write(`${name} ${title.toLowerCase()}: ${figures}: ${verdict}\n`)
    }
  }
  process.stdout.write(
    `${counts.done} operations done, ${counts.failed} failed; ${join(directory, 'soak.svg')}\n`,
  )
  if (!isFlat || counts.failed > 0) process.exitCode = 1
}

function panelOf({ servers, title, unit }: Quantity): Panel {
  const lines = servers.map(({ name, points }) => ({
    name,
    points: points.map(({ atSeconds, value }) => ({ x: atSeconds, y: value })),
  }))
  return { title, unit, x: { scale: 'linear', unit: 's' }, lines }
}

function pointsOf(server: number, of: (it: Sample) => number): Point[] {
  return samples
    .filter((it) => it.server === server)
    .map((it) => ({ atSeconds: it.atSeconds, value: of(it) }))
}
