/** Each bucket is this much wider than the one below. */
const GROWTH = 1.02
const LOWEST_MS = 0.01
const BUCKETS = 1000

/**
 * Latencies as counts in buckets that grow by 2 %: percentiles to that precision in a fixed space.
 */
export class Latencies {
  readonly #buckets = new Uint32Array(BUCKETS)
  #count = 0

  get count(): number {
    return this.#count
  }

  add(latencyMs: number): void {
    // What took no time has no logarithm.
    const bucket = Math.floor(Math.log(Math.max(latencyMs, LOWEST_MS) / LOWEST_MS) / Math.log(GROWTH))
    const index = Math.min(bucket, BUCKETS - 1)
    this.#buckets[index] = (this.#buckets[index] ?? 0) + 1
    this.#count++
  }

  /** The latency in milliseconds that this share of all (0 to 1) stayed below. */
  percentile(share: number): number {
    let left = share * this.#count
    for (const [index, count] of this.#buckets.entries()) {
      left -= count
      if (left <= 0) return LOWEST_MS * GROWTH ** (index + 1)
    }
    return Infinity
  }
}
