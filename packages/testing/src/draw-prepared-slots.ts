import { Chance } from './chance.js'

const MOST = 4

/** How many slots a favourite prepares ahead, in leaderless mode: none, for one seed in five. */
export function drawPreparedSlots(seed: number): number {
  return new Chance(seed ^ 0x70726570).below(MOST + 1)
}
