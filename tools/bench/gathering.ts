// When a leader proposes the requests that wait: the shipped rule beside fixed settings, on
// loopback and with delays. Each pair of runs is on two running clusters.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { numberOf, readArguments, spanOf, wrongUsage } from './arguments.js'
import { type ProxyLimits, measureProxies } from './echo.js'
import { type Pair, measurePairs, ratiosOf } from './pairs.js'
import { progress } from './progress.js'
import { type Proxies, startProxies } from './proxies.js'
import { markdown, median, nameOf, saveSection } from './report.js'
import type { Cluster, Load } from './system.js'
import { type Setup, startSynod } from './systems.js'

/** How many accepts may be under way while requests wait: as many as there are, at the end. */
const SETTINGS = [1, 2, 4, 8, 32, Infinity]
/** What the shipped rule is to reach of every setting. */
const TARGET = 0.9
/** How many times the bytes of the busiest run the proxies are to be capable of. */
const PROXY_TARGET = 2
const LOAD: Load = { connections: 100, inFlight: 10 }
const FIXED = new URL('fixed-gathering.js', import.meta.url)

const HELP = `Usage: npm run bench:gathering -- [options]

The throughput of the shipped gathering rule in leader mode, as the median of its ratios to each fixed setting: at most
N accepts under way, and the other requests wait until one lands; or every request at once. Puts, ${nameOf(LOAD)}. With a
delay, all connections, between servers and of clients, lead through proxies. An echo shows what these are capable of.
It fails if a ratio is below ${TARGET}, or if the busiest run took more than 1/${PROXY_TARGET} of what the proxies can carry.

  --delays LIST   milliseconds each way, 0 for no proxies (default: 0,1,10,50)
  --flights LIST  the fixed settings (default: ${SETTINGS.join(',')})
  --pairs N       how many pairs of runs (default: 7)
  --seconds N     how long each run measures (default: 5)
  --ramp-up N     how many seconds each runs before that (default: 3)
  --warm-up N     how many seconds each cluster runs before all pairs (default: 10)
  --dir DIR       where the data goes; it must be on the disk to be measured (default: .bench)
  --no-save       do not write the result into tools/bench/results.md
`

const options = readArguments(HELP, {
  delays: '0,1,10,50',
  flights: SETTINGS.join(','),
  pairs: '7',
  seconds: '5',
  'ramp-up': '3',
  'warm-up': '10',
  dir: '.bench',
  save: true,
})
const delays = listOf('delays', options.delays, (delay) => delay >= 0 && delay < Infinity)
const settings = listOf('flights', options.flights, (flights) => flights >= 1)
const count = numberOf('pairs', options.pairs, true)
const span = spanOf(options)
const warmUpSeconds = numberOf('warm-up', options['warm-up'])
const directory = join(process.cwd(), options.dir)
await mkdir(directory, { recursive: true })

/** The shipped rule beside one setting. */
interface Comparison {
  readonly flights: number
  readonly pairs: readonly Pair[]
  /** What its proxies carried in their busiest second. */
  readonly busiestBytes: number
}

interface WithDelay {
  readonly delayMs: number
  readonly comparisons: readonly Comparison[]
  /** None without a delay. */
  readonly proxies: ProxyLimits | undefined
}

const results: WithDelay[] = []
for (const delayMs of delays) {
  const comparisons: Comparison[] = []
  for (const flights of settings) comparisons.push(await compare(delayMs, flights))
  progress(`${delayMs} ms: what the proxies are capable of`)
  results.push({
    delayMs,
    comparisons,
    proxies: delayMs === 0 ? undefined : await measureProxies(delayMs),
  })
}
progress('')

const report = `Leader mode, puts of 256 bytes at ${nameOf(LOAD)}. Shipped rule / fixed setting (rate of the setting): medians of ${count} pairs
of runs of ${span.seconds} s after ${span.warmUpSeconds} s, on two running clusters. A setting is how many accepts may be under way while requests
wait; ∞ is every request at once. The lowest ratio is that to the best setting.

${markdown(ratioTable())}
The proxies that delay, in the busiest second of all runs above and of an echo on 100 connections; there and back is
one byte through one of them with nothing else under way.

${markdown(proxyTable())}`
process.stdout.write(report)
if (options.save) await saveSection('Gathering', report)
if (!results.every((result) => lowest(result) >= TARGET && headroom(result) >= PROXY_TARGET))
  process.exitCode = 1

async function compare(delayMs: number, flights: number): Promise<Comparison> {
  const fixed = ['--import', `${FIXED.href}?flights=${flights}`]
  const shipped = await startDelayed(delayMs, {})
  try {
    const other = await startDelayed(delayMs, { nodeArguments: fixed })
    try {
      const onRun = (text: string) => {
        progress(`${delayMs} ms, shipped rule beside ${nameOfSetting(flights)}: ${text}`)
      }
      const runs = { load: LOAD, count, span, warmUpSeconds, onRun }
      const pairs = await measurePairs([shipped, other], runs)
      const busiest = [await shipped.busiestBytes(), await other.busiestBytes()]
      return { flights, pairs, busiestBytes: Math.max(...busiest) }
    } finally {
      await other.stop()
    }
  } finally {
    await shipped.stop()
  }
}

/** A cluster of which every connection, also of its clients, has this delay each way. */
async function startDelayed(delayMs: number, setup: Setup): Promise<Cluster & Pick<Proxies, 'busiestBytes'>> {
  if (delayMs === 0) {
    const cluster = await startSynod('leader', directory, [], setup)
    return { ...cluster, busiestBytes: () => Promise.resolve(0) }
  }
  let proxies: Proxies | undefined
  const reach = async (addresses: readonly string[]) => {
    proxies = await startProxies(delayMs, addresses)
    return proxies.addresses
  }
  const cluster = await startSynod('leader', directory, [], { ...setup, reach })
  return {
    ...cluster,
    busiestBytes: () => proxies?.busiestBytes() ?? Promise.resolve(0),
    stop: async () => {
      await cluster.stop()
      proxies?.stop()
    },
  }
}

function ratioTable(): string[][] {
  const header = ['ms each way', 'shipped /s', ...settings.map(nameOfSetting), 'lowest']
  const rows = results.map((result) => {
    const { comparisons, delayMs } = result
    const shipped = comparisons.flatMap(({ pairs }) => pairs.map(([first]) => first.rate))
    const cells = comparisons.map((comparison) => {
      const rate = median(comparison.pairs.map(([, second]) => second.rate))
      return `${ratioOf(comparison).toFixed(2)} (${rate.toFixed(0)})`
    })
    const lowestRatio = `${lowest(result).toFixed(2)} (≥ ${TARGET})`
    return [`${delayMs}`, median(shipped).toFixed(0), ...cells, lowestRatio]
  })
  return [header, ...rows]
}

function proxyTable(): string[][] {
  const header = ['ms each way', 'runs, MB/s', 'echo, MB/s', 'echo / runs', 'there and back, ms']
  const rows = results.flatMap((result) => {
    const { delayMs, proxies } = result
    if (proxies === undefined) return []
    const megabytes = [busiestOf(result), proxies.busiestBytes].map((bytes) => (bytes / 1e6).toFixed(1))
    const ratio = `${headroom(result).toFixed(1)} (≥ ${PROXY_TARGET})`
    return [[`${delayMs}`, ...megabytes, ratio, proxies.roundTripMs.toFixed(1)]]
  })
  return [header, ...rows]
}

function ratioOf({ pairs }: Comparison): number {
  return median(ratiosOf(pairs))
}

function lowest({ comparisons }: WithDelay): number {
  return Math.min(...comparisons.map(ratioOf))
}

function busiestOf({ comparisons }: WithDelay): number {
  return Math.max(...comparisons.map(({ busiestBytes }) => busiestBytes))
}

/** How many times the bytes of the busiest run the proxies can carry. */
function headroom(result: WithDelay): number {
  return result.proxies === undefined ? Infinity : result.proxies.busiestBytes / busiestOf(result)
}

function nameOfSetting(flights: number): string {
  return flights === Infinity ? '∞' : `${flights}`
}

function listOf(name: string, text: string, isRight: (number: number) => boolean): number[] {
  const numbers = text.split(',').map(Number)
  if (numbers.every(isRight)) return numbers
  wrongUsage(`--${name} must be a list of numbers, such as 1,10, not '${text}'`)
}
