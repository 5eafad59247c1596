/** A value at a time, in seconds. */
export interface Point {
  readonly atSeconds: number
  readonly value: number
}

export interface Trend {
  readonly mean: number
  /** By how much the value grows in an hour, by least squares. */
  readonly perHour: number
  /** How much of the mean the line through the points gained from the first to the last. */
  readonly gained: number
}

/** The share at the beginning that is left out: caches fill, and the compiler is at work. */
const WARM_UP = 0.3

/** The line through the points, but for the warm-up. */
export function trendOf(points: readonly Point[]): Trend {
  const kept = points.slice(Math.floor(points.length * WARM_UP))
  const mean = (of: (point: Point) => number) => kept.reduce((sum, point) => sum + of(point), 0) / kept.length
  const [at, value] = [mean(({ atSeconds }) => atSeconds), mean((point) => point.value)]
  let [above, below] = [0, 0]
  for (const point of kept) {
    above += (point.atSeconds - at) * (point.value - value)
    below += (point.atSeconds - at) ** 2
  }
  const perSecond = below === 0 ? 0 : above / below
  const spanSeconds = (kept.at(-1)?.atSeconds ?? 0) - (kept[0]?.atSeconds ?? 0)
  return {
    mean: value,
    perHour: perSecond * 3600,
    gained: value === 0 ? 0 : (perSecond * spanSeconds) / value,
  }
}
