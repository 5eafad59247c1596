import type { ServerId } from 'synod/internal/paxos/ballot.js'
import { Chance } from '../../chance.js'
import { magnitude } from '../../magnitude.js'
import type { Fault } from './faults.js'

/** How many of all plans go to an extreme, and how many of these to each. */
const SHARE = 0.3
const EACH = 0.5

/** More clients at work on one server, inside its process. */
export interface ExtraClients {
  readonly server: ServerId
  readonly clients: number
}

export interface DrawnExtremes {
  readonly faults: readonly Fault[]
  readonly crowd?: ExtraClients
  /** How many things each client does at once, if more than one. */
  readonly atOnce?: number
}

/**
 * For some seeds, extremes: slow ways to one server, so that many rounds are under way; pauses of
 * seconds; many clients on one server, mostly one that lags; clients that do several things at
 * once. What else is drawn from the seed stays as it is.
 */
export function drawExtremes(seed: number, ids: readonly ServerId[], durationMs: number): DrawnExtremes {
  const own = new Chance(seed ^ 0x6f6e6365)
  const atOnce = own.happens(SHARE) ? { atOnce: 2 + own.below(7) } : {}
  return { ...atOnce, ...drawRest(seed, ids, durationMs) }
}

function drawRest(seed: number, ids: readonly ServerId[], durationMs: number): DrawnExtremes {
  const chance = new Chance(seed ^ 0x65787472)
  if (!chance.happens(SHARE)) return { faults: [] }
  const faults: Fault[] = []
  const slow = chance.pick(ids)
  if (chance.happens(EACH)) {
    const mostMs = magnitude(chance, 5, 500)
    const atMs = chance.between(0, durationMs / 2)
    for (const other of ids) {
      if (other === slow) continue
      const [from, to] = chance.happens(0.7) ? [other, slow] : [slow, other]
      const delayMs = magnitude(chance, 1, mostMs)
      faults.push({ kind: 'slow-way', atMs, forMs: magnitude(chance, 100, 10_000), from, to, delayMs })
    }
  }
  if (chance.happens(EACH)) {
    for (let count = 1 + chance.below(4); count > 0; count--)
      faults.push({
        kind: 'pause',
        atMs: chance.between(0, durationMs),
        forMs: magnitude(chance, 50, 5000),
        server: chance.pick(ids),
      })
  }
  if (!chance.happens(EACH)) return { faults }
  const server = chance.happens(0.7) ? slow : chance.pick(ids)
  return { faults, crowd: { server, clients: 1 + chance.below(5) } }
}
