/**
 * A small generator with its whole state in one number (mulberry32), so that it can be saved and
 * loaded.
 */
export interface RandomState {
  seed: number
}

/** The next number in [0, 1). */
export function random(state: RandomState): number {
  state.seed = (state.seed + 0x6d2b79f5) | 0
  let t = state.seed
  t = Math.imul(t ^ (t >>> 15), t | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

/** The next number in [low, high). */
export function randomBetween(state: RandomState, low: number, high: number): number {
  return low + (high - low) * random(state)
}
