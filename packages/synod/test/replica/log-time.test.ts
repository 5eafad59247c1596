import { describe, expect, test } from 'vitest'
import {
  type Bounds,
  LogTime,
  type LogMoment,
  MAX_APART_MS,
  MAX_DRIFT,
  READING_KEPT_MS,
  medianOf,
} from '../../src/replica/log-time.js'
import { Chance } from '../../../testing/src/chance.js'

const TODAY_MS = 1_700_000_000_000
const YEARS_MS = 10 * 365 * 86_400_000

/**
 * s1 of some voters; the monotonic clock of its process shows `now_ms`, and right is TODAY_MS +
 * now_ms.
 */
class Rig {
  now_ms = 0
  /** How far the wall clock of each server is off. */
  readonly off_ms: Record<number, number>
  executed_ms = 0
  voters: readonly number[]
  readonly time: LogTime

  constructor(off_ms: Record<number, number>, executed_ms = TODAY_MS) {
    this.off_ms = off_ms
    this.voters = Object.keys(off_ms).map(Number)
    this.executed_ms = executed_ms
    this.time = new LogTime(1, 0, this.wall_ms(1))
  }

  wall_ms(server: number): number {
    return TODAY_MS + this.now_ms + (this.off_ms[server] ?? 0)
  }

  /** These answer at once. */
  hear(...servers: number[]): void {
    for (const server of servers) this.time.heard(server, this.wall_ms(server), this.now_ms, this.now_ms)
  }

  read(): LogMoment {
    const { executed_ms, now_ms, voters } = this
    return this.time.at({ now_ms, wall_ms: this.wall_ms(1), voters, executed_ms })
  }

  /** How far log time is off. */
  get error_ms(): number {
    return this.read().time_ms - TODAY_MS - this.now_ms
  }
}

describe('log time', () => {
  test.each([YEARS_MS, -YEARS_MS])(
    'PITFALL 31: does not follow one clock that is off by %d ms, its own or that of another',
    (off_ms) => {
      for (const wrong of [1, 2, 3]) {
        const rig = new Rig({ 1: 0, 2: 0, 3: 0, [wrong]: off_ms })
        rig.hear(2, 3)
        expect(rig.error_ms).toBe(0)
        rig.now_ms += 5000
        expect(rig.error_ms).toBeCloseTo(0, -1)
      }
    },
  )

  test('PITFALL 31: goes on by an outage at once when the clocks of a majority are known, and not before', () => {
    const rig = new Rig({ 1: 0, 2: 0, 3: 0 }, TODAY_MS - 3_600_000)
    rig.now_ms += 100
    expect(rig.error_ms).toBe(-3_600_100)
    rig.hear(3)
    expect(rig.error_ms).toBe(0)
  })

  test('a server that starts with a wrong clock goes on from the time of the log', () => {
    const rig = new Rig({ 1: YEARS_MS, 2: 0, 3: 0 })
    rig.now_ms += 1000
    expect(rig.error_ms).toBe(-1000)
    rig.hear(2)
    // Of the third one nothing is known: the median is that of s2 at least.
    expect(rig.error_ms).toBe(0)
  })

  test('goes on from what others have stamped, and never back', () => {
    const rig = new Rig({ 1: 0, 2: 0, 3: 0 })
    rig.hear(2, 3)
    rig.executed_ms = TODAY_MS + 2000
    expect(rig.error_ms).toBe(2000)
    rig.executed_ms = TODAY_MS
    rig.now_ms += 1000
    expect(rig.read().time_ms).toBe(TODAY_MS + 2500)
    rig.now_ms += 3000
    rig.hear(2, 3)
    expect(rig.error_ms).toBe(0)
  })

  test('goes on by the monotonic clock where two voters do not agree, and says how far they are apart', () => {
    const rig = new Rig({ 1: 0, 2: YEARS_MS })
    rig.hear(2)
    for (let step = 0; step < 5; step++) {
      rig.now_ms += 100
      expect(rig.error_ms).toBe(0)
    }
    const { apart_ms, median } = rig.read()
    expect(apart_ms).toBeCloseTo(YEARS_MS, -2)
    expect(median!.high - median!.low).toBeGreaterThan(MAX_APART_MS)
  })

  test('clocks are not apart because an answer took long', () => {
    const rig = new Rig({ 1: 0, 2: 0 })
    rig.now_ms = 4000
    rig.time.heard(2, rig.wall_ms(2), 0, 4000)
    expect(rig.read()).toMatchObject({
      apart_ms: 0,
      median: { low: TODAY_MS + 4000, high: TODAY_MS + 8000 },
    })
  })

  test('a lone voter believes its clock as it starts, follows what drifts, and no jump', () => {
    const rig = new Rig({ 1: 0 }, TODAY_MS - 3_600_000)
    expect(rig.error_ms).toBe(0)
    for (let second = 0; second < 10; second++) {
      rig.now_ms += 1000
      rig.off_ms[1] = (rig.off_ms[1] ?? 0) + 200
      rig.read()
    }
    expect(rig.error_ms).toBe(2000)
    rig.off_ms[1] = YEARS_MS
    expect(rig.error_ms).toBe(2000)
  })

  test('a member that does not vote counts for nothing, nor does its word for its own time', () => {
    const rig = new Rig({ 2: 0, 3: YEARS_MS, 4: 0 })
    rig.off_ms[1] = YEARS_MS
    rig.hear(2, 3, 4)
    expect(rig.error_ms).toBe(0)
    rig.off_ms[5] = YEARS_MS
    rig.hear(5)
    rig.now_ms += 10
    expect(rig.error_ms).toBe(0)
  })

  test('whoever answers again and again counts once', () => {
    const rig = new Rig({ 1: 0, 2: YEARS_MS, 3: 0 })
    rig.hear(2, 2, 2)
    expect(rig.error_ms).toBe(0)
  })

  test('a server that is down counts for 10 minutes, less and less exactly; one that starts anew not at all', () => {
    const rig = new Rig({ 1: -YEARS_MS, 2: 0, 3: 0 }, TODAY_MS - 3_600_000)
    rig.hear(2, 3)
    rig.now_ms = READING_KEPT_MS
    rig.hear(2)
    const { median } = rig.read()
    expect(median!.low).toBeCloseTo(TODAY_MS + rig.now_ms - MAX_DRIFT * READING_KEPT_MS, 3)
    expect(median!.high).toBe(TODAY_MS + rig.now_ms)
    rig.now_ms += 1
    rig.hear(2)
    expect(rig.read().median!.low).toBe(rig.wall_ms(1))
    rig.hear(3)
    expect(rig.read().median!.low).toBe(TODAY_MS + rig.now_ms)
    rig.time.forget(3)
    expect(rig.read().median!.low).toBe(rig.wall_ms(1))
  })
})

describe('the median of clocks of which some are known', () => {
  /**
   * What can be the median, by trying what the unknown ones may be and where in its bounds each
   * known one is.
   */
  function tried(known: readonly Bounds[], count: number): Bounds {
    const far = 1e6
    const middle = (times: number[]): [number, number] => {
      const sorted = times.sort((a, b) => a - b)
      return [sorted[Math.ceil(count / 2) - 1]!, sorted[Math.floor(count / 2)]!]
    }
    const rest = (value: number) => Array.from({ length: count - known.length }, () => value)
    const [low] = middle([...known.map((each) => each.low), ...rest(-far)])
    const [, high] = middle([...known.map((each) => each.high), ...rest(far)])
    return { low, high }
  }

  test('is between the bounds that trying gives', () => {
    const chance = new Chance(20261129)
    for (let round = 0; round < 2000; round++) {
      const count = 1 + chance.below(7)
      const known = Array.from({ length: chance.below(count + 1) }, () => {
        const low = chance.below(100)
        return { low, high: low + chance.below(20) }
      })
      const { high, low } = tried(known, count)
      const isKnown = Math.abs(low) < 1e6 && Math.abs(high) < 1e6
      expect(medianOf(known, count), JSON.stringify({ known, count })).toEqual(
        isKnown ? { low, high } : undefined,
      )
    }
  })

  test('is known as soon as a majority of the clocks is', () => {
    for (let count = 1; count <= 9; count++)
      for (let known = 0; known <= count; known++) {
        const bounds = Array.from({ length: known }, () => ({ low: 1, high: 2 }))
        expect(medianOf(bounds, count) !== undefined, `${known} of ${count}`).toBe(known > count / 2)
      }
  })
})
