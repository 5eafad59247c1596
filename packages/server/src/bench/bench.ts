import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AnyMachine, type ConnectOptions, connect } from 'synod'
import { Progress } from '../terminal/progress.js'
import type { OutputOptions } from '../terminal/output.js'
import { kvCodecs } from '../kv/codecs.js'
import { Load, type LoadClient, type Operations } from './load.js'

export interface BenchOptions {
  readonly connection: Pick<ConnectOptions<AnyMachine>, 'cluster' | 'endpoints' | 'timeout_ms'>
  /** How many clients, and how many operations each of them has under way. */
  readonly connections: number
  readonly inFlight: number
  readonly warmup_s: number
  readonly measured_s: number
  readonly value_bytes: number
  readonly keys: number
  /** How many of 100 operations are reads. */
  readonly reads_percent: number
}

/** What was measured; latencies in milliseconds. */
export interface BenchResult {
  readonly measured_s: number
  readonly operations: number
  readonly perSecond: number
  readonly latency_ms: {
    readonly p50: number
    readonly p90: number
    readonly p99: number
    readonly p99_9: number
    readonly max: number
  }
  /** How many operations failed, by code. */
  readonly errors: Readonly<Record<string, number>>
}

const PROGRESS_MS = 1000

/** Puts a running cluster under load. Rejects as `connect` does. */
export async function runBench(options: BenchOptions, output: OutputOptions): Promise<BenchResult> {
  const clients: LoadClient[] = []
  try {
    const connecting = Array.from({ length: options.connections }, async () => {
      clients.push(await connect({ ...options.connection, codecs: kvCodecs }))
    })
    await Promise.all(connecting)
    return await measure(options, clients, output)
  } finally {
    await Promise.all(clients.map((client) => client.close()))
  }
}

async function measure(
  { inFlight, measured_s, warmup_s, ...options }: BenchOptions,
  clients: readonly LoadClient[],
  output: OutputOptions,
): Promise<BenchResult> {
  const load = new Load(operations(options), clients, inFlight)
  const stopProgress = process.stderr.isTTY ? showProgress(load, output) : () => undefined
  await sleep(warmup_s * 1000)
  load.measure()
  const start_ms = performance.now()
  await sleep(measured_s * 1000)
  load.stop()
  const elapsed_s = (performance.now() - start_ms) / 1000
  stopProgress()
  const { errors, latencies } = load
  const percentile_ms = (percent: number) => latencies.percentile(percent) / 1000
  return {
    measured_s: elapsed_s,
    operations: latencies.count,
    perSecond: latencies.count / elapsed_s,
    latency_ms: {
      p50: percentile_ms(50),
      p90: percentile_ms(90),
      p99: percentile_ms(99),
      p99_9: percentile_ms(99.9),
      max: latencies.max / 1000,
    },
    errors: Object.fromEntries(errors),
  }
}

function operations({
  keys,
  reads_percent,
  value_bytes,
}: Pick<BenchOptions, 'keys' | 'reads_percent' | 'value_bytes'>): Operations {
  const value = randomBytes(value_bytes)
  const names = Array.from({ length: keys }, (_, index) => `bench/${index}`)
  return {
    puts: names.map((key) => ({ type: 'put', key, value })),
    gets: names.map((key) => ({ type: 'get', key })),
    reads: reads_percent / 100,
  }
}

function showProgress(load: Load, output: OutputOptions): () => void {
  const progress = new Progress(output)
  let before = load.done
  const timer = setInterval(() => {
    progress.show(`${((load.done - before) * 1000) / PROGRESS_MS} operations per second`)
    before = load.done
  }, PROGRESS_MS)
  return () => {
    clearInterval(timer)
    progress.clear()
  }
}
