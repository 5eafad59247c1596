import { elementAt } from './element-at.js'
import { type Effect, NOT_POSSIBLE } from './operation-effects.js'

/** An operation as it matters here. */
export interface TimedEffect {
  readonly effect: Effect
  readonly invoked: number
  /** Infinite if the outcome is unknown. */
  readonly returned: number
}

/** The time during which a state must have lasted. */
interface Zone {
  readonly state: number
  readonly start: number
  readonly end: number
}

/** The state at the beginning. */
const FIRST = 0

/**
 * Whether completed operations have no order for a reason that needs no search: an operation fits
 * no state that comes about, or the times in which states must have lasted exclude each other (the
 * zones of Gibbons and Korach, "Testing shared memories", 1997).
 */
export function haveConflict(
  completed: readonly TimedEffect[],
  pending: readonly TimedEffect[],
  states: number,
): boolean {
  if (completed.some(({ effect }) => effect.nexts.every((next) => next === NOT_POSSIBLE))) return true
  const sources = groups([...completed, ...pending], states, ({ to }) => to)
  const users = groups(completed, states, ({ needs }) => needs)
  const zones: Zone[] = []
  for (const [state, using] of users.entries()) {
    if (using.length === 0) continue
    const from = elementAt(sources, state)
    const times = from.length + (state === FIRST ? 1 : 0)
    if (times === 0 || using.filter(({ effect }) => effect.to !== undefined).length > times) return true
    if (times > 1) continue
    const start =
      state === FIRST ? -Infinity : Math.min(...[...from, ...using].map(({ returned }) => returned))
    const end = Math.max(...[...from, ...using].map(({ invoked }) => invoked))
    if (from.some(({ invoked }) => invoked > start)) return true
    if (start < end) zones.push({ state, start, end })
  }
  return overlap(zones) || zones.some((zone) => completed.some((move) => breaks(zone, move)))
}

/** By state, the moves that have to do with it. */
function groups(
  moves: readonly TimedEffect[],
  states: number,
  by: (effect: Effect) => number | undefined,
): TimedEffect[][] {
  const found = Array.from({ length: states }, (): TimedEffect[] => [])
  for (const move of moves) {
    const state = by(move.effect)
    if (state !== undefined) elementAt(found, state).push(move)
  }
  return found
}

function overlap(zones: readonly Zone[]): boolean {
  let end = -Infinity
  for (const zone of zones.toSorted((a, b) => a.start - b.start)) {
    if (zone.start < end) return true
    end = zone.end
  }
  return false
}

function breaks({ end, start, state }: Zone, { effect, invoked, returned }: TimedEffect): boolean {
  return start < invoked && returned < end && effect.nexts[state] !== state
}
