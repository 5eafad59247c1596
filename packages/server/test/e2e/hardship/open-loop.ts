import type { KvClient } from 'synod-server'
import { sleep } from './hardships.js'

const VALUE = Buffer.alloc(256, 'v')
const KEYS = 100

/** How long writes took, in milliseconds. */
export interface Latencies {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/**
 * Writes at a steady rate, whether earlier writes are answered or not, so that a delay counts for
 * each of them. Resolves when all are answered.
 */
export async function writeSteadily(
  client: KvClient,
  ratePerSecond: number,
  durationMs: number,
): Promise<Latencies> {
  const tookMs: number[] = []
  const writes: Promise<void>[] = []
  const begunMs = performance.now()
  const write = async (number: number, dueMs: number) => {
    await client.put(`key ${number % KEYS}`, VALUE)
    tookMs.push(performance.now() - dueMs)
  }
  for (;;) {
    const passedMs = performance.now() - begunMs
    if (passedMs >= durationMs) break
    while (writes.length < (passedMs / 1000) * ratePerSecond) {
      writes.push(write(writes.length, begunMs + (writes.length * 1000) / ratePerSecond))
    }
    await sleep(1000 / ratePerSecond)
  }
  await Promise.all(writes)
  tookMs.sort((a, b) => a - b)
  const at = (share: number) => tookMs[Math.ceil(share * tookMs.length) - 1] ?? Infinity
  return { count: tookMs.length, p50Ms: at(0.5), p99Ms: at(0.99) }
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Infinity
}
