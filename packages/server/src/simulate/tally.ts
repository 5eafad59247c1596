import type { Mode } from 'synod'
import { Summary } from 'synod-testing'
import type { Run } from './runner.js'
import type { SeriesOptions } from './series.js'

/** How far a series is, and what it has seen so far. */
export class Tally {
  readonly series: SeriesOptions
  readonly summary = new Summary()
  /** Of each run, where there is one seed. */
  readonly digests: Partial<Record<Mode, string>> = {}
  readonly #beginMs = performance.now()

  constructor(series: SeriesOptions) {
    this.series = series
  }

  add({ digest, plan: { mode }, stats }: Run): void {
    this.summary.add(stats)
    if (this.series.seeds === 1) this.digests[mode] = digest.toString(16).padStart(8, '0')
  }

  /** Each seed counts once for each mode. */
  get runs(): number {
    return this.summary.seeds
  }

  /** Infinity if time is all that ends the series. */
  get allRuns(): number {
    return this.series.seeds * this.series.modes.length
  }

  /** Real time since the series began. */
  get elapsedMs(): number {
    return performance.now() - this.#beginMs
  }

  /** How much of the series is done, from 0 to 1. */
  get done(): number {
    return Math.max(this.runs / this.allRuns, this.elapsedMs / this.series.limitMs)
  }
}
