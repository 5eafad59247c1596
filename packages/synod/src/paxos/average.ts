/** Waits depend on how long requests and phases took lately, within these bounds. */
export const MIN_AVERAGE_MS = 4
const MAX_AVERAGE_MS = 250

/** What a new sample adds to a running average. */
const SAMPLE_WEIGHT = 1 / 8

/** The running average with one more sample. */
export function averageWith(averageMs: number, sampleMs: number): number {
  const nextMs = averageMs * (1 - SAMPLE_WEIGHT) + sampleMs * SAMPLE_WEIGHT
  return Math.min(Math.max(nextMs, MIN_AVERAGE_MS), MAX_AVERAGE_MS)
}
