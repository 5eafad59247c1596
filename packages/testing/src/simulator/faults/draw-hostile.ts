import type { ServerId } from 'synod/internal/paxos/ballot.js'
import { Chance } from '../../chance.js'
import type { HostileFault } from './hostile-clients.js'

/** How many of all plans have hostile clients. */
const SHARE = 0.12

/**
 * How many of these have clients that come by the thousand, and how many last long enough for
 * frames to expire.
 */
const CROWDS = 0.25
const LONG = 0.15

/**
 * The least descriptors that a server is run with, and more; the limit of its clients follows from
 * them.
 */
const DESCRIPTORS = [96, 128, 160, 256, 1024]

export interface DrawnHostility {
  readonly faults: readonly HostileFault[]
  readonly durationMs: number
  /** How many descriptors the process of each server has. */
  readonly descriptors?: number
}

/**
 * For few seeds: clients that do what they can against the servers. What else is drawn from the
 * seed stays as it is.
 */
export function drawHostility(seed: number, ids: readonly ServerId[], beforeMs: number): DrawnHostility {
  const chance = new Chance(seed ^ 0x686f7374)
  if (!chance.happens(SHARE)) return { faults: [], durationMs: beforeMs }
  const isLong = chance.happens(LONG)
  const durationMs = isLong ? chance.between(12_000, 16_000) : beforeMs
  const one = (kind: HostileFault['kind'], clients: number): HostileFault => ({
    kind,
    atMs: chance.between(0, durationMs / 4),
    forMs: isLong ? chance.between(11_000, 16_000) : chance.between(200, 4000),
    server: chance.pick(ids),
    clients,
    seed: chance.seed(),
  })
  const hostile = Array.from({ length: 1 + chance.below(3) }, () =>
    one('hostile-clients', 1 + chance.below(chance.pick([2, 8, 40]))),
  )
  const idle = !isLong && chance.happens(CROWDS) ? [one('idle-clients', 1000 + chance.below(2000))] : []
  return { faults: [...hostile, ...idle], durationMs, descriptors: chance.pick(DESCRIPTORS) }
}
