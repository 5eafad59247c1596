// What a write costs with ever more keys in the store, and with ever more slots since the start: at
// each power of ten a load is measured, and the way there is filled at full speed.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from 'synod'
import { numberOf, readArguments, spanOf, wrongUsage } from './arguments.js'
import { fill } from './fill.js'
import { type Panel, plotSvg } from './plot.js'
import { progress } from './progress.js'
import { markdown, nameOf, saveSection } from './report.js'
import { statusesWhen } from './statuses.js'
import type { Load } from './system.js'
import { type SynodCluster, startSynod } from './systems.js'

const FIRST = 1000
/** Where each ends, unless an option says so. */
const LAST = { keys: 1e6, slots: 1e7 }
const LOAD: Load = { connections: 64, inFlight: 1 }
const SLOT_EACH = new URL('slot-each.js', import.meta.url).href
const SVG = 'growth.svg'

const HELP = `Usage: npm run bench:growth -- [options]

The leader's CPU time for a write and the p50 latency, puts of 256 bytes at ${nameOf(LOAD)}, with 1000, 10000 and so on keys in
the store, and as many slots since the start; as a table, and as tools/bench/${SVG}.

  --to N        the last number of keys and of slots (default: ${LAST.keys} keys, ${LAST.slots} slots)
  --only WHAT   keys or slots (default: both)
  --seconds N   how long each run measures (default: 3)
  --ramp-up N   how many seconds each runs before that (default: 1)
  --warm-up N   how many seconds a cluster runs before it gets keys (default: 10): the compiler needs some
  --dir DIR     where the data goes; it must be on the disk to be measured (default: .bench)
  --no-save     do not write the result into tools/bench/results.md, nor the picture
`

type Kind = keyof typeof LAST

interface Sample {
  /** Keys in the store; or slots, in the middle of the run. */
  readonly amount: number
  readonly leaderUs: number
  readonly p50Ms: number
}

const options = readArguments(HELP, {
  to: '',
  only: '',
  seconds: '3',
  'ramp-up': '1',
  'warm-up': '10',
  dir: '.bench',
  save: true,
})
const last = options.to === '' ? LAST : withBoth(numberOf('to', options.to, true))
if (Math.min(last.keys, last.slots) < FIRST) wrongUsage(`--to must be at least ${FIRST}`)
if (!['', 'keys', 'slots'].includes(options.only))
  wrongUsage(`--only must be keys or slots, not '${options.only}'`)
const span = spanOf(options)
const warmUpSeconds = numberOf('warm-up', options['warm-up'])
const directory = join(process.cwd(), options.dir)
await mkdir(directory, { recursive: true })

const results: { readonly kind: Kind; readonly samples: readonly Sample[] }[] = []
if (options.only !== 'slots') results.push({ kind: 'keys', samples: await onCluster(withMoreKeys) })
if (options.only !== 'keys') results.push({ kind: 'slots', samples: await onCluster(withMoreSlots) })
progress('')

const tables = results.map(({ kind, samples }) => table(kind, samples)).join('\n')
const report = `Puts of 256 bytes at ${nameOf(LOAD)} in leader mode, for ${span.seconds} s at each power of ten. CPU time of the leader,
user and system. The servers ran for ${warmUpSeconds} s before they got keys. Slots since their start are those in the middle of a run,
which takes some itself: with the fewest, the compiler of the servers is still at work.

${tables}
![CPU time and latency over keys and slots](${SVG})
`
process.stdout.write(report)
if (options.save) {
  await writeFile(fileURLToPath(new URL(`../${SVG}`, import.meta.url)), plotSvg(panels()))
  await saveSection('Growth', report)
}

async function onCluster(measure: (cluster: SynodCluster) => Promise<Sample[]>): Promise<Sample[]> {
  const cluster = await startSynod('leader', directory, [], { nodeArguments: ['--import', SLOT_EACH] })
  try {
    return await measure(cluster)
  } finally {
    await cluster.stop()
  }
}

async function withMoreKeys(cluster: SynodCluster): Promise<Sample[]> {
  progress('keys: warm-up')
  await cluster.measure(LOAD, { warmUpSeconds: 0, seconds: warmUpSeconds })
  const samples: Sample[] = []
  let from = 0
  for (const keys of powersTo(last.keys)) {
    progress(`keys: filling to ${keys}`)
    const { endpoints } = cluster
    await fill({ endpoints, keys: last.keys, from, goesOn: (count) => count < keys })
    from = keys
    await calm(cluster)
    progress(`keys: measuring with ${keys}`)
    samples.push({ amount: keys, ...(await measured(cluster)) })
  }
  return samples
}

async function withMoreSlots(cluster: SynodCluster): Promise<Sample[]> {
  const samples: Sample[] = []
  for (const slots of powersTo(last.slots)) {
    progress(`slots: filling to ${slots}`)
    await fillSlots(cluster, slots)
    const before = await calm(cluster)
    progress(`slots: measuring with ${before}`)
    const costs = await measured(cluster)
    const after = await calm(cluster)
    const share = (span.warmUpSeconds + span.seconds / 2) / (span.warmUpSeconds + span.seconds)
    samples.push({ amount: Math.round(before + share * (after - before)), ...costs })
  }
  return samples
}

/** Writes few keys, each in a slot of its own. */
async function fillSlots({ endpoints, servers }: SynodCluster, slots: number): Promise<void> {
  const watching = connect({ endpoints, timeoutMs: 5000 })
  let isOver = false
  for (const { child } of servers) child.kill('SIGUSR2')
  const filling = fill({ endpoints, keys: FIRST, goesOn: () => !isOver })
  await statusesWhen(watching, (statuses) =>
    statuses.some(({ watermarks }) => {
      if (process.stderr.isTTY) progress(`slots: ${watermarks.chosen} of ${slots}`)
      return watermarks.chosen >= slots
    }),
  )
  isOver = true
  await filling
  for (const { child } of servers) child.kill('SIGUSR2')
  await watching.close()
}

/** Waits until no server writes a snapshot. Returns how many slots are chosen. */
async function calm({ endpoints }: SynodCluster): Promise<number> {
  const watching = connect({ endpoints, timeoutMs: 5000 })
  const statuses = await statusesWhen(watching, (all) => all.every(({ snapshot }) => !snapshot.writing))
  await watching.close()
  return Math.max(...statuses.map(({ watermarks }) => watermarks.chosen))
}

async function measured(cluster: SynodCluster): Promise<Omit<Sample, 'amount'>> {
  const { cpu, p50Ms } = await cluster.measure(LOAD, span)
  return { leaderUs: cpu.leader.userUs + cpu.leader.systemUs, p50Ms }
}

function powersTo(end: number): number[] {
  const powers: number[] = []
  for (let power = FIRST; power <= end; power *= 10) powers.push(power)
  return powers
}

function withBoth(number: number): typeof LAST {
  return { keys: number, slots: number }
}

function table(kind: Kind, samples: readonly Sample[]): string {
  const header = [kind, 'CPU µs of the leader', 'p50, ms']
  const rows = samples.map(({ amount, leaderUs, p50Ms }) => [
    `${amount}`,
    leaderUs.toFixed(1),
    p50Ms.toFixed(2),
  ])
  return markdown([header, ...rows])
}

function panels(): Panel[] {
  const panel = (title: string, unit: string, of: (sample: Sample) => number): Panel => ({
    title,
    unit,
    x: { scale: 'logarithmic', unit: '' },
    lines: results.map(({ kind, samples }) => ({
      name: kind,
      points: samples.map((sample) => ({ x: sample.amount, y: of(sample) })),
    })),
  })
  return [
    panel('CPU time of the leader for a write', 'µs', ({ leaderUs }) => leaderUs),
    panel('Latency, p50', 'ms', ({ p50Ms }) => p50Ms),
  ]
}
