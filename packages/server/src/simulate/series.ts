import type { Mode } from 'synod'
import { type Plan, drawPlan } from 'synod-testing'
import { type FailedRun, type Run, type Runner, hasFailed } from './runner.js'

/** Which simulations are run. */
export interface SeriesOptions {
  readonly modes: readonly Mode[]
  /** The first seed, and how many there are: each is run in each mode. */
  readonly seed: number
  readonly seeds: number
  /** Drawn by the seed unless given. */
  readonly servers?: number
  /** No run begins after this much real time. */
  readonly limitMs: number
  readonly traced: boolean
}

/** A run that found something, and who ran it. */
export interface SeriesFailure {
  readonly run: FailedRun
  readonly runner: Runner
}

/**
 * Has runners share the runs of a series. The first run with a violation is the last; it is
 * returned. `onRun` is told of each run that counts. When the signal is aborted, the runs under way
 * are the last.
 */
export async function runSeries(
  options: SeriesOptions,
  runners: readonly Runner[],
  onRun: (run: Run) => void,
  signal: AbortSignal,
): Promise<SeriesFailure | undefined> {
  const endMs = performance.now() + options.limitMs
  const plans = plansOf(options)
  let failure: SeriesFailure | undefined
  const isOver = () => failure !== undefined || signal.aborted
  const work = async (runner: Runner) => {
    while (!isOver() && performance.now() < endMs) {
      const { done, value: plan } = plans.next()
      if (done === true) return
      const run = await runner.run(plan, options.traced)
      if (isOver()) return
      onRun(run)
      if (hasFailed(run)) failure = { run, runner }
    }
  }
  await Promise.all(runners.map(work))
  return failure
}

function* plansOf({ modes, seed: first, seeds, servers }: SeriesOptions): Generator<Plan, undefined> {
  for (let seed = first; seed < first + seeds; seed++) {
    for (const mode of modes) yield drawPlan(seed, { mode, ...(servers === undefined ? {} : { servers }) })
  }
  return undefined
}
