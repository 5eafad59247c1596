// Compares reads: linearizable, under a lease, and stale; at the leader and at a follower; beside
// etcd's Range. The systems run in turn, as in `npm run bench`.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readArguments } from './arguments.js'
import { etcd } from './etcd.js'
import { markdown, median, nameOf, onPath, saveSection } from './report.js'
import { type Cluster, LOADS, type Load, type Measured, type Span, type Work } from './system.js'
import { startSynod } from './systems.js'

const LEASE_MS = 250

interface Kind {
  readonly name: string
  readonly start: (directory: string) => Promise<Cluster>
  readonly work: Work
}

const startEtcd = (directory: string) => etcd.start(directory)
const synod = (directory: string) => startSynod('leader', directory)
const leased = (directory: string) => startSynod('leader', directory, ['--lease-ms', String(LEASE_MS)])
const KINDS: readonly Kind[] = [
  { name: 'linearizable', start: synod, work: { operation: 'get', at: 'leader' } },
  { name: 'linearizable, follower', start: synod, work: { operation: 'get', at: 'follower' } },
  { name: 'lease', start: leased, work: { operation: 'get', at: 'leader' } },
  { name: 'stale', start: synod, work: { operation: 'stale-get', at: 'leader' } },
  { name: 'stale, follower', start: synod, work: { operation: 'stale-get', at: 'follower' } },
  { name: 'etcd linearizable', start: startEtcd, work: { operation: 'get', at: 'leader' } },
  { name: 'etcd linearizable, follower', start: startEtcd, work: { operation: 'get', at: 'follower' } },
  { name: 'etcd serializable', start: startEtcd, work: { operation: 'stale-get', at: 'leader' } },
]

/** What linearizable reads at the leader are to reach of etcd's, with each load. */
const TARGETS = [1.5, 2, 4]
const HELP = `Usage: npm run bench:reads -- [options]

  --seconds N     how long each run measures (default: 6)
  --warm-up N     how many seconds each runs before that (default: 10)
  --rounds N      how often each kind of read runs with each load (default: 3)
  --dir DIR       where the data goes (default: .bench)
  --no-save       do not write the result into tools/bench/results.md
`

const options = readArguments(HELP, {
  seconds: '6',
  'warm-up': '10',
  rounds: '3',
  dir: '.bench',
  save: true,
})

const span: Span = { seconds: Number(options.seconds), warmUpSeconds: Number(options['warm-up']) }
const directory = join(process.cwd(), options.dir)
await mkdir(directory, { recursive: true })
const missing = await onPath('etcd', 'etcdctl', 'h2load')
if (missing.length > 0) process.stdout.write(`without etcd: ${missing.join(', ')} not found\n`)
const kinds = KINDS.filter(({ start }) => start !== startEtcd || missing.length === 0)
const runs = new Map<string, Measured[]>()
const total = Number(options.rounds) * LOADS.length * kinds.length
let done = 0
for (let round = 1; round <= Number(options.rounds); round++)
  for (const load of LOADS) for (const kind of kinds) await run(kind, load, round)

const report = `${markdown(rates())}
CPU µs for each read: the server that is asked or leads, one of the others, the load (user and system).

${markdown(cpu())}`
process.stdout.write(report)
if (options.save) await saveSection('Reads', report)

async function run(kind: Kind, load: Load, round: number): Promise<void> {
  process.stdout.write(`run ${++done} of ${total}: ${kind.name} ${nameOf(load)}, round ${round}\n`)
  const cluster = await kind.start(directory)
  try {
    const key = `${kind.name} ${nameOf(load)}`
    runs.set(key, [...(runs.get(key) ?? []), await cluster.measure({ ...load, work: kind.work }, span)])
  } finally {
    await cluster.stop()
  }
}

function rates(): string[][] {
  const rows = kinds.map(({ name }) => [
    name,
    ...LOADS.map((load) => median(of(name, load).map(({ rate }) => rate)).toFixed(0)),
  ])
  const ratio = LOADS.map((load, index) => {
    const others = of('etcd linearizable', load)
    const each = of('linearizable', load).map(({ rate }, round) => rate / (others[round]?.rate ?? NaN))
    return `${median(each).toFixed(2)} (≥ ${TARGETS[index] ?? ''})`
  })
  const header = ['reads /s', ...LOADS.map(nameOf)]
  return missing.length > 0 ? [header, ...rows] : [header, ...rows, ['linearizable / etcd', ...ratio]]
}

function cpu(): string[][] {
  const rows = kinds.map(({ name }) => [
    name,
    ...LOADS.map((load) =>
      (['leader', 'follower', 'load'] as const)
        .map((role) =>
          median(of(name, load).map(({ cpu: its }) => its[role].userUs + its[role].systemUs)).toFixed(1),
        )
        .join(', '),
    ),
  ])
  return [['CPU µs a read', ...LOADS.map(nameOf)], ...rows]
}

function of(name: string, load: Load): readonly Measured[] {
  return runs.get(`${name} ${nameOf(load)}`) ?? []
}
