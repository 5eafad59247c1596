/** Buckets of each power of two: a bucket is less than 1 % wide. */
const BUCKETS = 128

/** Values from 2^32 on are counted as 2^32 - 1. */
const MAX_VALUE = 2 ** 32 - 1

/**
 * Counts whole numbers from 0 to 2^32 - 1 (microseconds, say) in buckets that grow with the values:
 * exact below 256, and to within 1 % above. It has a fixed size, and counting allocates nothing.
 */
export class LatencyHistogram {
  readonly #counts = new Float64Array(bucketOf(MAX_VALUE) + 1)
  #count = 0
  #max = 0

  get count(): number {
    return this.#count
  }

  /** The largest value, exactly; 0 if there is none. */
  get max(): number {
    return this.#max
  }

  record(value: number): void {
    const whole = Math.min(Math.max(0, Math.round(value)), MAX_VALUE)
    const bucket = bucketOf(whole)
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#count++
    if (whole > this.#max) this.#max = whole
  }

  /**
   * The value that `percent` % of all values do not exceed, rounded up to the end of its bucket; 0
   * if there is none.
   */
  percentile(percent: number): number {
    const wanted = Math.max(1, Math.ceil((percent / 100) * this.#count))
    let seen = 0
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket] ?? 0
      if (seen >= wanted) return Math.min(endOf(bucket), this.#max)
    }
    return this.#max
  }
}

/**
 * Values below 2 * BUCKETS have one each; then every doubling of the values halves the resolution.
 */
function bucketOf(value: number): number {
  const shift = Math.max(0, 24 - Math.clz32(value))
  return shift * BUCKETS + (value >>> shift)
}

/** The largest value in a bucket. */
function endOf(bucket: number): number {
  const shift = Math.max(0, Math.floor(bucket / BUCKETS) - 1)
  return (bucket - shift * BUCKETS + 1) * 2 ** shift - 1
}
