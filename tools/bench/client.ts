// What a call of the client library costs in CPU time, beside one of the load program, which speaks
// the protocol and does nothing else. Each side is a process of its own, and they take turns at one
// server that answers at once: the machine's speed changes from minute to minute.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { readArguments } from './arguments.js'
import { freePorts, start } from './processes.js'
import { markdown, median, saveSection } from './report.js'

const OPERATIONS = ['execute', 'read', 'readStale'] as const
const SIDES = ['load', 'library'] as const

type Side = (typeof SIDES)[number]
export type Operation = (typeof OPERATIONS)[number]

/** Asks a side for calls. */
export interface Run {
  readonly operation: Operation
  readonly seconds: number
}

/** What they cost: CPU time of the whole process, user and system. */
export interface Cost {
  readonly calls: number
  readonly cpuUs: number
}

const HELP = `Usage: npm run bench:client -- [options]

CPU time of a call of the client library and of the load program of \`npm run bench\`: 100 clients
with 10 calls in flight each, at a server that answers at once. The load program has one kind of
read, to which readStale is compared too.

  --seconds N   how long each run measures (default: 2)
  --rounds N    how often each side runs with each operation (default: 7)
  --warm-up N   how many seconds each runs before that (default: 10): the compiler needs some
  --no-save     do not write the result into tools/bench/results.md
`

const options = readArguments(HELP, {
  seconds: '2',
  rounds: '7',
  'warm-up': '10',
  save: true,
})

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))
const [port = 0] = await freePorts(1)
const endpoint = `127.0.0.1:${port}`
const server = await start(process.execPath, [here('stub-server.js'), endpoint], 'ready')
const sides = { load: await open('load'), library: await open('library') }
try {
  const report = await compare()
  process.stdout.write(report)
  if (options.save) await saveSection('The client library', report)
} finally {
  for (const side of Object.values(sides)) side.disconnect()
  await server.stop('SIGKILL')
}

async function open(side: string): Promise<ChildProcess> {
  const child = fork(here('client-load.js'), [side, endpoint])
  // It has said why.
  child.once('exit', (code) => {
    if (code !== 0) process.exit(1)
  })
  await once(child, 'message')
  return child
}

async function compare(): Promise<string> {
  for (const operation of OPERATIONS)
    for (const side of SIDES) await costUs(side, operation, options['warm-up'])
  const rounds: Record<Operation, Record<Side, number>>[] = []
  for (let round = 1; round <= Number(options.rounds); round++) {
    process.stdout.write(`round ${round} of ${options.rounds}\n`)
    rounds.push({
      execute: await beside('execute'),
      read: await beside('read'),
      readStale: await beside('readStale'),
    })
  }
  const rows = OPERATIONS.map((operation) => {
    const runs = rounds.map((round) => round[operation])
    const micros = SIDES.map((side) => median(runs.map((run) => run[side])).toFixed(1))
    const ratios = runs.map(({ library, load }) => library / load)
    return [operation, ...micros, median(ratios).toFixed(2)]
  })
  const header = ['call', ...SIDES.map((side) => `${side}, µs`), 'library / load']
  const what =
    'CPU time of the whole process for one call, user and system: 100 clients with 10 calls in flight each, at a server\n' +
    'that answers at once. The load program speaks the protocol and does nothing else; it has one kind of read. Medians of\n' +
    `${options.rounds} runs of ${options.seconds} s, taken in turn; of the ratios within each round.`
  return `${what}\n\n${markdown([header, ...rows])}`
}

/** One run of each side. */
async function beside(operation: Operation): Promise<Record<Side, number>> {
  return {
    load: await costUs('load', operation, options.seconds),
    library: await costUs('library', operation, options.seconds),
  }
}

/** CPU time per call. */
async function costUs(side: Side, operation: Operation, seconds: string): Promise<number> {
  const run: Run = { operation, seconds: Number(seconds) }
  sides[side].send(run)
  const [{ calls, cpuUs }] = (await once(sides[side], 'message')) as [Cost]
  return cpuUs / calls
}
