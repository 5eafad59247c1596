// Many short loads in leaderless mode, each next to one of the floor. The mean of a long load hides
// spells in which proposers get in each other's way: the slowest of many short loads shows them.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { numberOf, readArguments } from './arguments.js'
import { type Pair, measurePairs, ratiosOf } from './pairs.js'
import { progress } from './progress.js'
import { markdown, median, nameOf, saveSection } from './report.js'
import type { Load } from './system.js'
import { floor, startSynod } from './systems.js'

/** What the slowest load is to reach of the median. */
const TARGET = 0.7
const LOAD: Load = { connections: 100, inFlight: 10 }
const IN_A_ROW = 10

const HELP = `Usage: npm run bench:short -- [options]

Short loads of puts, ${nameOf(LOAD)}, on one running cluster in leaderless mode, each next to one on a running
floor, as ratios of the two. It fails if the slowest ratio is below ${TARGET} of the median.

  --loads N     how many of them (default: 100)
  --seconds N   how long each measures (default: 1), after half as long that does not count
  --warm-up N   how many seconds each cluster runs before all of them (default: 10)
  --dir DIR     where the data goes; it must be on the disk to be measured (default: .bench)
  --no-save     do not write the result into tools/bench/results.md
`

const options = readArguments(HELP, {
  loads: '100',
  seconds: '1',
  'warm-up': '10',
  dir: '.bench',
  save: true,
})
const count = numberOf('loads', options.loads, true)
const seconds = numberOf('seconds', options.seconds)
const warmUpSeconds = numberOf('warm-up', options['warm-up'])
const directory = join(process.cwd(), options.dir)
await mkdir(directory, { recursive: true })

const pairs = await measure()
const ratios = ratiosOf(pairs)
const slowest = Math.min(...ratios)
const [leaderlessRate, floorRate] = pairs[ratios.indexOf(slowest)]?.map(({ rate }) => rate.toFixed(0)) ?? []
const typical = median(ratios)
const share = slowest / typical
const report = `Puts of 256 bytes at ${nameOf(LOAD)} for ${seconds} s on a running cluster in leaderless mode, each next to the same
load on the floor: leaderless / floor.

${markdown([
  ['loads', 'slowest', 'median', 'slowest / median'],
  [`${count}`, slowest.toFixed(2), typical.toFixed(2), `${share.toFixed(2)} (≥ ${TARGET})`],
])}
The slowest is ${leaderlessRate ?? ''} /s beside ${floorRate ?? ''} /s of the floor. All of them, in their order:

${rowsOf(ratios)}
`
process.stdout.write(report)
if (options.save) await saveSection('Short loads', report)
if (share < TARGET) process.exitCode = 1

async function measure(): Promise<Pair[]> {
  const leaderless = await startSynod('leaderless', directory)
  try {
    const beside = await floor.start(directory)
    try {
      const span = { seconds, warmUpSeconds: seconds / 2 }
      const runs = { load: LOAD, count, span, warmUpSeconds, onRun: progress }
      return await measurePairs([leaderless, beside], runs)
    } finally {
      await beside.stop()
    }
  } finally {
    await leaderless.stop()
    progress('')
  }
}

/** As a block of code. */
function rowsOf(values: readonly number[]): string {
  const rows: string[] = []
  for (let first = 0; first < values.length; first += IN_A_ROW) {
    const row = values.slice(first, first + IN_A_ROW)
    rows.push(`    ${row.map((value) => value.toFixed(2)).join('  ')}`)
  }
  return rows.join('\n')
}
