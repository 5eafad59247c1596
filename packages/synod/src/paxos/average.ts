/** Waits depend on how long requests and phases took lately, within these bounds. */
export const MIN_AVERAGE_MS = 4
const MAX_AVERAGE_MS = 250

/** What a new sample adds to a running average. */
const SAMPLE_WEIGHT = 1 / 8

/** The running average with one more sample. */
export function averageWith(average_ms: number, sample_ms: number): number {
  const next_ms = average_ms * (1 - SAMPLE_WEIGHT) + sample_ms * SAMPLE_WEIGHT
  return Math.min(Math.max(next_ms, MIN_AVERAGE_MS), MAX_AVERAGE_MS)
}
