// Compares Synod with what it cannot beat (the floor) and with what it wants to beat (etcd). All
// systems run in turn, several times over: the machine's speed changes from minute to minute, so
// only ratios of runs next to each other mean anything.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readArguments } from './arguments.js'
import { measureFailovers } from './failover.js'
import { progress } from './progress.js'
import { type Results, nameOf, onPath, saveResults, tables } from './report.js'
import { LOADS, type Load, type Measured, type Span, type System } from './system.js'
import { SYSTEMS } from './systems.js'

const HELP = `Usage: npm run bench -- [options]

  --seconds N     how long each run measures (default: 6)
  --warm-up N     how many seconds each runs before that (default: 10): the compiler needs some
  --rounds N      how often each system runs with each load (default: 3)
  --failovers N   how often the leader is killed (default: 20)
  --only LIST     some of ${SYSTEMS.map(({ name }) => name).join(', ')} (default: all that are installed)
  --dir DIR       where the data goes; it must be on the disk to be measured (default: .bench)
  --no-save       do not write tools/bench/results.md

Reads are measured by \`npm run bench:reads\`, what the client library costs by \`npm run bench:client\`,
millions of keys by \`npm run bench:state\`, what a write costs with ever more of them by \`npm run bench:growth\`,
many short loads by \`npm run bench:short\`, links with delays by \`npm run bench:gathering\`, and a new leader that
inherits a full window by \`npm run bench:inherit\`.
`

const options = readArguments(HELP, {
  seconds: '6',
  'warm-up': '10',
  rounds: '3',
  failovers: '20',
  only: '',
  dir: '.bench',
  save: true,
})

const span: Span = { seconds: Number(options.seconds), warmUpSeconds: Number(options['warm-up']) }
const directory = join(process.cwd(), options.dir)
await mkdir(directory, { recursive: true })
const systems = await chosenSystems()
const runs = new Map<string, Measured[]>()
let done = 0
for (let round = 1; round <= Number(options.rounds); round++) {
  for (const load of LOADS) for (const system of systems) await run(system, load, round)
}
const failovers =
  Number(options.failovers) === 0
    ? []
    : await measureFailovers(Number(options.failovers), directory, progress)
progress('')

const all: Results = { systems, loads: LOADS, runs, failoversMs: failovers }
process.stdout.write(tables(all))
if (options.save) await saveResults(all, span, options.rounds)

async function chosenSystems(): Promise<System[]> {
  const names = options.only === '' ? undefined : options.only.split(',')
  const chosen: System[] = []
  for (const system of SYSTEMS) {
    if (names !== undefined && !names.includes(system.name)) continue
    const missing = system.name === 'etcd' ? await onPath('etcd', 'etcdctl', 'h2load') : []
    if (missing.length > 0) process.stdout.write(`without etcd: ${missing.join(', ')} not found\n`)
    else chosen.push(system)
  }
  return chosen
}

async function run(system: System, load: Load, round: number): Promise<void> {
  const key = `${system.name} ${nameOf(load)}`
  const total = systems.length * LOADS.length * Number(options.rounds)
  progress(`run ${++done} of ${total}: ${key}, round ${round}`)
  const cluster = await system.start(directory)
  try {
    const measured = await cluster.measure(load, span)
    runs.set(key, [...(runs.get(key) ?? []), measured])
  } finally {
    await cluster.stop()
  }
}
