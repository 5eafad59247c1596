import type { Chance } from './chance.js'

/** From `low` to `high`, each order of magnitude as often as the others. */
export function magnitude(chance: Chance, low: number, high: number): number {
  return low * (high / low) ** chance.next()
}
