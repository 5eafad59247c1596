import type { Cluster, Load, Measured, Span } from './system.js'

export type Pair = readonly [first: Measured, second: Measured]

export interface PairedRuns {
  readonly load: Load
  readonly count: number
  readonly span: Span
  /** How long each cluster runs first: the compilers of its servers need some seconds. */
  readonly warmUpSeconds: number
  readonly onRun: (text: string) => void
}

/**
 * Runs a load on two running clusters, next to each other, several times over. The machine's speed
 * changes from minute to minute: only ratios within a pair mean anything.
 */
export async function measurePairs(
  clusters: readonly [Cluster, Cluster],
  { count, load, onRun, span, warmUpSeconds }: PairedRuns,
): Promise<Pair[]> {
  const [first, second] = clusters
  onRun('warm-up')
  for (const cluster of clusters) await cluster.measure(load, { warmUpSeconds: 0, seconds: warmUpSeconds })
  const pairs: Pair[] = []
  for (let number = 1; number <= count; number++) {
    onRun(`pair ${number} of ${count}`)
    // Neither is always the first.
    if (number % 2 === 1) pairs.push([await first.measure(load, span), await second.measure(load, span)])
    else pairs.push(reversed([await second.measure(load, span), await first.measure(load, span)]))
  }
  return pairs
}

function reversed([first, second]: Pair): Pair {
  return [second, first]
}

/** How many times the rate of the second the first reached, for each pair. */
export function ratiosOf(pairs: readonly Pair[]): number[] {
  return pairs.map(([first, second]) => first.rate / second.rate)
}
