import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AnyMachine, type ConnectOptions, connect } from 'synod'
import { ProgressLine } from '../terminal/progress-line.js'
import type { OutputOptions } from '../terminal/output.js'
import { kvCodecs } from '../kv/codecs.js'
import { Load, type LoadClient, type LoadOperations } from './load.js'

export interface BenchOptions {
  readonly connection: Pick<ConnectOptions<AnyMachine>, 'cluster' | 'endpoints' | 'timeoutMs'>
  /** How many clients, and how many operations each of them has under way. */
  readonly connections: number
  readonly inFlight: number
  readonly warmupSeconds: number
  readonly measuredSeconds: number
  readonly valueBytes: number
  readonly keys: number
  /** How many of 100 operations are reads. */
  readonly readsPercent: number
}

/** What was measured; latencies in milliseconds. */
export interface BenchResult {
  readonly measuredSeconds: number
  readonly operations: number
  readonly perSecond: number
  readonly latencyMs: {
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

/** Puts a running cluster under load. Rejects as `ready` of a client does. */
export async function runBench(options: BenchOptions, output: OutputOptions): Promise<BenchResult> {
  const clients: LoadClient[] = []
  try {
    for (let count = 0; count < options.connections; count++)
      clients.push(connect({ ...options.connection, codecs: kvCodecs }))
    await Promise.all(clients.map((client) => client.ready()))
    return await measure(options, clients, output)
  } finally {
    await Promise.all(clients.map((client) => client.close()))
  }
}

async function measure(
  { inFlight, measuredSeconds, warmupSeconds, ...options }: BenchOptions,
  clients: readonly LoadClient[],
  output: OutputOptions,
): Promise<BenchResult> {
  const load = new Load(operations(options), clients, inFlight)
  const stopProgress = process.stderr.isTTY ? showProgress(load, output) : () => undefined
  await sleep(warmupSeconds * 1000)
  load.measure()
  const startMs = performance.now()
  await sleep(measuredSeconds * 1000)
  load.stop()
  const elapsedSeconds = (performance.now() - startMs) / 1000
  stopProgress()
  const { errors, latencies } = load
  const percentileMs = (percent: number) => latencies.percentile(percent) / 1000
  return {
    measuredSeconds: elapsedSeconds,
    operations: latencies.count,
    perSecond: latencies.count / elapsedSeconds,
    latencyMs: {
      p50: percentileMs(50),
      p90: percentileMs(90),
      p99: percentileMs(99),
      p99_9: percentileMs(99.9),
      max: latencies.max / 1000,
    },
    errors: Object.fromEntries(errors),
  }
}

function operations({
  keys,
  readsPercent,
  valueBytes,
}: Pick<BenchOptions, 'keys' | 'readsPercent' | 'valueBytes'>): LoadOperations {
  const value = randomBytes(valueBytes)
  const names = Array.from({ length: keys }, (_, index) => `bench/${index}`)
  return {
    puts: names.map((key) => ({ type: 'put', key, value })),
    gets: names.map((key) => ({ type: 'get', key })),
    reads: readsPercent / 100,
  }
}

function showProgress(load: Load, output: OutputOptions): () => void {
  const progress = new ProgressLine(output)
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
