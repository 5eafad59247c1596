import type { ServerId } from 'synod/internal/paxos/ballot.js'
import { Chance } from '../../chance.js'
import { magnitude } from '../../magnitude.js'
import type { Fault } from './faults.js'

/**
 * How many of all plans have wrong clocks of their own, and how many of all may have them on any
 * server.
 */
const SHARE = 0.5
const RECKLESS = 1 / 8

const TEN_YEARS_MS = 10 * 365 * 86_400_000

export interface DrawnClocks {
  /**
   * The servers whose wall clocks may be wrong: a minority as a rule, so that log time must be
   * right.
   */
  readonly wrong: readonly ServerId[]
  readonly faults: readonly Fault[]
}

/**
 * Wall clocks that jump by anything between a second and ten years, ahead or back, also before the
 * first command; that run away, stand still or run backwards. What else is drawn from the seed
 * stays as it is.
 */
export function drawWallClocks(seed: number, ids: readonly ServerId[], durationMs: number): DrawnClocks {
  const chance = new Chance(seed ^ 0x636c6f63)
  const minority = Math.floor((ids.length - 1) / 2)
  const first = chance.below(ids.length)
  const rotated = [...ids.slice(first), ...ids.slice(0, first)]
  const wrong = chance.happens(RECKLESS) || minority === 0 ? ids : rotated.slice(0, minority)
  if (!chance.happens(SHARE)) return { wrong, faults: [] }
  const sign = () => (chance.happens(0.6) ? 1 : -1)
  const faults = Array.from({ length: 1 + chance.below(4) }, (): Fault => {
    const server = chance.pick(wrong)
    const atMs = chance.happens(0.4) ? 0 : chance.between(0, durationMs)
    if (chance.happens(0.7))
      return {
        kind: 'clock-jump',
        atMs,
        forMs: 0,
        server,
        byMs: sign() * magnitude(chance, 1000, TEN_YEARS_MS),
      }
    const forMs = magnitude(chance, 20, 5000)
    const rate = chance.happens(0.2) ? 0 : sign() * magnitude(chance, 1.5, 1e6)
    return { kind: 'clock-run', atMs, forMs, server, rate }
  })
  return { wrong, faults }
}
