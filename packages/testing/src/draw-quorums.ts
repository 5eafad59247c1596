import type { Quorums } from 'synod/internal/paxos/quorum.js'
import { Chance } from './chance.js'

const FLEXIBLE = 0.2

/**
 * Now and then quorums other than majorities: of any sizes that meet, and larger than that needs.
 * What else is drawn from the seed stays as it is.
 */
export function drawQuorums(servers: number, seed: number): Quorums | undefined {
  const chance = new Chance(seed ^ 0x2545f491)
  if (!chance.happens(FLEXIBLE)) return undefined
  const phase2 = 1 + chance.below(servers)
  return { phase1: servers - phase2 + 1 + chance.below(phase2), phase2 }
}
