import { describe, expect, test } from 'vitest'
import {
  type Bounds,
  LogTime,
  type LogMoment,
  MAX_DRIFT,
  READING_KEPT_MS,
  medianOf,
} from '../../src/replica/log-time.js'
import { MAX_APART_MS } from '../../src/status.js'
import { Chance } from '../../../testing/src/chance.js'

const TODAY_MS = 1_700_000_000_000
const YEARS_MS = 10 * 365 * 86_400_000

/**
 * s1 of some voters; the monotonic clock of its process shows `nowMs`, and right is TODAY_MS +
 * nowMs.
 */
class Rig {
  nowMs = 0
  /** How far the wall clock of each server is off. */
  readonly offMs: Record<number, number>
  executedMs = 0
  voters: readonly number[]
  readonly time: LogTime

  constructor(offMs: Record<number, number>, executedMs = TODAY_MS) {
    this.offMs = offMs
    this.voters = Object.keys(offMs).map(Number)
    this.executedMs = executedMs
    this.time = new LogTime(1, 0, this.wallMs(1))
  }

  wallMs(server: number): number {
    return TODAY_MS + this.nowMs + (this.offMs[server] ?? 0)
  }

  /** These answer at once. */
  receiveClocks(...servers: number[]): void {
    for (const server of servers) this.time.onWallClock(server, this.wallMs(server), this.nowMs, this.nowMs)
  }

  read(): LogMoment {
    const { executedMs, nowMs, voters } = this
    return this.time.at({ nowMs, wallMs: this.wallMs(1), voters, executedMs })
  }

  /** How far log time is off. */
  get errorMs(): number {
    return this.read().timeMs - TODAY_MS - this.nowMs
  }
}

describe('log time', () => {
  test.each([YEARS_MS, -YEARS_MS])(
    'PITFALL 31: does not follow one clock that is off by %d ms, of its own server or another',
    (offMs) => {
      for (const wrong of [1, 2, 3]) {
        const rig = new Rig({ 1: 0, 2: 0, 3: 0, [wrong]: offMs })
        rig.receiveClocks(2, 3)
        expect(rig.errorMs).toBe(0)
        rig.nowMs += 5000
        expect(rig.errorMs).toBeCloseTo(0, -1)
      }
    },
  )

  test('PITFALL 31: jumps by the length of an outage once the clocks of a majority are known, and not before', () => {
    const rig = new Rig({ 1: 0, 2: 0, 3: 0 }, TODAY_MS - 3_600_000)
    rig.nowMs += 100
    expect(rig.errorMs).toBe(-3_600_100)
    rig.receiveClocks(3)
    expect(rig.errorMs).toBe(0)
  })

  test('is continued by a server that starts with a wrong clock', () => {
    const rig = new Rig({ 1: YEARS_MS, 2: 0, 3: 0 })
    rig.nowMs += 1000
    expect(rig.errorMs).toBe(-1000)
    rig.receiveClocks(2)
    // Of the third one nothing is known: the median is that of s2 at least.
    expect(rig.errorMs).toBe(0)
  })

  test('follows the stamps of other servers, and never goes back', () => {
    const rig = new Rig({ 1: 0, 2: 0, 3: 0 })
    rig.receiveClocks(2, 3)
    rig.executedMs = TODAY_MS + 2000
    expect(rig.errorMs).toBe(2000)
    rig.executedMs = TODAY_MS
    rig.nowMs += 1000
    expect(rig.read().timeMs).toBe(TODAY_MS + 2500)
    rig.nowMs += 3000
    rig.receiveClocks(2, 3)
    expect(rig.errorMs).toBe(0)
  })

  test('follows the monotonic clock while two voters disagree, and reports the difference', () => {
    const rig = new Rig({ 1: 0, 2: YEARS_MS })
    rig.receiveClocks(2)
    for (let step = 0; step < 5; step++) {
      rig.nowMs += 100
      expect(rig.errorMs).toBe(0)
    }
    const { apartMs, median } = rig.read()
    expect(apartMs).toBeCloseTo(YEARS_MS, -2)
    expect(median!.high - median!.low).toBeGreaterThan(MAX_APART_MS)
  })

  test('does not count a slow answer as a difference of clocks', () => {
    const rig = new Rig({ 1: 0, 2: 0 })
    rig.nowMs = 4000
    rig.time.onWallClock(2, rig.wallMs(2), 0, 4000)
    expect(rig.read()).toMatchObject({
      apartMs: 0,
      median: { low: TODAY_MS + 4000, high: TODAY_MS + 8000 },
    })
  })

  test('follows the clock of a lone voter at its start, and its drift, but no jump', () => {
    const rig = new Rig({ 1: 0 }, TODAY_MS - 3_600_000)
    expect(rig.errorMs).toBe(0)
    for (let second = 0; second < 10; second++) {
      rig.nowMs += 1000
      rig.offMs[1] = (rig.offMs[1] ?? 0) + 200
      rig.read()
    }
    expect(rig.errorMs).toBe(2000)
    rig.offMs[1] = YEARS_MS
    expect(rig.errorMs).toBe(2000)
  })

  test('ignores members that do not vote, and its own server if that does not vote', () => {
    const rig = new Rig({ 2: 0, 3: YEARS_MS, 4: 0 })
    rig.offMs[1] = YEARS_MS
    rig.receiveClocks(2, 3, 4)
    expect(rig.errorMs).toBe(0)
    rig.offMs[5] = YEARS_MS
    rig.receiveClocks(5)
    rig.nowMs += 10
    expect(rig.errorMs).toBe(0)
  })

  test('counts a server once, however often it answers', () => {
    const rig = new Rig({ 1: 0, 2: YEARS_MS, 3: 0 })
    rig.receiveClocks(2, 2, 2)
    expect(rig.errorMs).toBe(0)
  })

  test('counts a server that is down for 10 minutes, with growing uncertainty, and not after it restarts', () => {
    const rig = new Rig({ 1: -YEARS_MS, 2: 0, 3: 0 }, TODAY_MS - 3_600_000)
    rig.receiveClocks(2, 3)
    rig.nowMs = READING_KEPT_MS
    rig.receiveClocks(2)
    const { median } = rig.read()
    expect(median!.low).toBeCloseTo(TODAY_MS + rig.nowMs - MAX_DRIFT * READING_KEPT_MS, 3)
    expect(median!.high).toBe(TODAY_MS + rig.nowMs)
    rig.nowMs += 1
    rig.receiveClocks(2)
    expect(rig.read().median!.low).toBe(rig.wallMs(1))
    rig.receiveClocks(3)
    expect(rig.read().median!.low).toBe(TODAY_MS + rig.nowMs)
    rig.time.forget(3)
    expect(rig.read().median!.low).toBe(rig.wallMs(1))
  })
})

describe('the median of clocks, some of them unknown,', () => {
  /**
   * What can be the median, by trying what the unknown ones may be and where in its bounds each
   * known one is.
   */
  function boundsByTrial(known: readonly Bounds[], count: number): Bounds {
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

  test('has the bounds that trying all possible values gives', () => {
    const chance = new Chance(20261129)
    for (let round = 0; round < 2000; round++) {
      const count = 1 + chance.below(7)
      const known = Array.from({ length: chance.below(count + 1) }, () => {
        const low = chance.below(100)
        return { low, high: low + chance.below(20) }
      })
      const { high, low } = boundsByTrial(known, count)
      const isKnown = Math.abs(low) < 1e6 && Math.abs(high) < 1e6
      expect(medianOf(known, count), JSON.stringify({ known, count })).toEqual(
        isKnown ? { low, high } : undefined,
      )
    }
  })

  test('is known if a majority of the clocks is known', () => {
    for (let count = 1; count <= 9; count++)
      for (let known = 0; known <= count; known++) {
        const bounds = Array.from({ length: known }, () => ({ low: 1, high: 2 }))
        expect(medianOf(bounds, count) !== undefined, `${known} of ${count}`).toBe(known > count / 2)
      }
  })
})
