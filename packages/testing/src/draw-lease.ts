import { CLOCK_MARGIN } from 'synod/internal/paxos/leader/lease.js'
import type { Mode } from 'synod/internal/paxos/config.js'
import { Chance } from './chance.js'

const WITH_LEASES = 0.35

/** The slowest clock that leases are tried with, and the fastest that they bear beside it. */
const SLOWEST = 0.9
const FASTEST = (SLOWEST / (1 - CLOCK_MARGIN)) * 0.9999

/** A lease, and the rates of the clocks that it has to do with. */
export interface DrawnLease {
  readonly leaseMs: number
  readonly rates: readonly number[]
}

/**
 * Now and then a lease in leader mode, with clocks as different as it bears. What else is drawn
 * from the seed stays as it is.
 */
export function drawLease(
  mode: Mode,
  seed: number,
  servers: number,
  { electionTimeoutMs, heartbeatMs }: { readonly electionTimeoutMs: number; readonly heartbeatMs: number },
): DrawnLease | undefined {
  const chance = new Chance(seed ^ 0x6c656173)
  if (mode === 'leaderless' || !chance.happens(WITH_LEASES)) return undefined
  const leaseMs = Math.ceil(Math.max(2 * heartbeatMs, electionTimeoutMs * chance.between(0.5, 1.5)))
  return { leaseMs, rates: drawClockRates(chance, servers) }
}

/** How fast the clock of each server runs: often as different as leases bear. */
export function drawClockRates(chance: Chance, servers: number): number[] {
  return Array.from({ length: servers }, () => {
    const dice = chance.next()
    if (dice < 0.3) return SLOWEST
    return dice < 0.6 ? FASTEST : chance.between(SLOWEST, FASTEST)
  })
}
