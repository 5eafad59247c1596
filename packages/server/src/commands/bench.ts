import type { Command } from 'commander'
import { type BenchResult, runBench } from '../bench/bench.js'
import {
  type ConnectionOptions,
  addClusterOptions,
  connectOptions,
  finish,
} from '../terminal/common-options.js'
import { plural, print } from '../terminal/output.js'
import { integerFrom, numberUpTo } from '../terminal/parsers.js'
import { formatTable } from '../terminal/table.js'

/** A day. */
const MAX_SECONDS = 86_400

/** The most requests that one session may have in flight. */
const MAX_IN_FLIGHT = 1024

/** A command has at most 1 MiB; the rest is for the key. */
const MAX_VALUE_BYTES = 1_048_000

interface BenchCommandOptions extends ConnectionOptions {
  readonly connections: number
  readonly inFlight: number
  readonly seconds: number
  readonly warmupSeconds: number
  readonly valueBytes: number
  readonly keys: number
  readonly reads: number
}

/** Adds `synod bench`. */
export function addBench(program: Command): void {
  const bench = program
    .command('bench')
    .description('Put load on a running cluster, and measure it. It writes keys that begin with bench/.')
    .option('--connections <n>', 'clients; each has its own connections', integerFrom(1, 10_000), 64)
    .option('--in-flight <n>', 'operations that each client has in flight', integerFrom(1, MAX_IN_FLIGHT), 1)
    .option('--seconds <s>', 'how long to measure', numberUpTo(MAX_SECONDS), 10)
    .option('--warmup-seconds <s>', 'how long to run before the measurement', numberUpTo(MAX_SECONDS), 2)
    .option('--value-bytes <n>', 'the size of the values', integerFrom(0, MAX_VALUE_BYTES), 256)
    .option('--keys <n>', 'how many different keys', integerFrom(1, 10_000_000), 10_000)
    .option('--reads <percent>', 'the percentage of operations that are gets', integerFrom(0, 100), 0)
    .action(run)
  finish(addClusterOptions(bench), [
    'bench',
    'bench --connections 100 --in-flight 10',
    'bench --reads 90 --seconds 30 --json',
  ])
}

async function run(options: BenchCommandOptions): Promise<void> {
  const { connections, inFlight, keys, reads, seconds, valueBytes, warmupSeconds } = options
  const result = await runBench(
    {
      connection: connectOptions(options),
      connections,
      inFlight,
      measuredSeconds: seconds,
      warmupSeconds: warmupSeconds,
      valueBytes: valueBytes,
      keys,
      readsPercent: reads,
    },
    options,
  )
  print(options, report(result), result)
}

function report({ errors, latencyMs, measuredSeconds, operations, perSecond }: BenchResult): string {
  const { max, p50, p90, p99, p99_9 } = latencyMs
  const heading = ['latency', 'p50', 'p90', 'p99', 'p99.9', 'max']
  const values = [p50, p90, p99, p99_9, max].map((value) => `${value.toFixed(2)} ms`)
  const failed = Object.entries(errors).map(([code, count]) => `${plural(count, 'error')}: ${code}`)
  return [
    `${Math.round(perSecond)} operations per second (${operations} in ${measuredSeconds.toFixed(1)} s)`,
    formatTable(heading, [['', ...values]]),
    ...failed,
  ].join('\n')
}
