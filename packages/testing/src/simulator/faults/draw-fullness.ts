import { Chance } from '../../chance.js'
import type { Fault } from './faults.js'

/** For one seed of five: the disks of all servers get full, for a while. */
export function drawFullness(seed: number, durationMs: number): Fault[] {
  const chance = new Chance(seed ^ 0x66756c6c)
  if (chance.happens(0.8)) return []
  return Array.from({ length: 1 + chance.below(3) }, () => ({
    kind: 'full-disks',
    atMs: chance.between(0, durationMs),
    forMs: chance.between(0, 3000),
    leftBytes: drawLeftBytes(chance.next()),
  }))
}

/** How many bytes are left on a disk: often few, now and then enough to go on writing. */
export function drawLeftBytes(dice: number): number {
  return Math.floor(dice ** 3 * (64 << 10))
}
