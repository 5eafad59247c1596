import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LatencyHistogram } from '../../src/bench/latency-histogram.js'

test('a percentile is at most 1 % above the exact one, and never below', () => {
  const value = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 2 ** 31 - 1 }), fc.constant(2 ** 32 - 1))
  const percent = fc.oneof(fc.constantFrom(50, 99.9, 100), fc.double({ min: 0, max: 100, noNaN: true }))
  fc.assert(
    fc.property(fc.array(value, { minLength: 1 }), percent, (values, asked) => {
      const histogram = new LatencyHistogram()
      for (const each of values) histogram.record(each)
      const sorted = [...values].sort((a, b) => a - b)
      const exact = sorted[Math.max(0, Math.ceil((asked / 100) * sorted.length) - 1)]!
      const found = histogram.percentile(asked)
      expect(found).toBeGreaterThanOrEqual(exact)
      expect(found).toBeLessThanOrEqual(exact < 256 ? exact : exact * 1.01)
      expect(histogram.count).toBe(values.length)
      expect(histogram.max).toBe(sorted.at(-1))
    }),
  )
})

test('an empty histogram has no percentiles', () => {
  const histogram = new LatencyHistogram()
  expect([histogram.count, histogram.max, histogram.percentile(50)]).toEqual([0, 0, 0])
})

test('a value out of range counts as the nearest one in range', () => {
  const histogram = new LatencyHistogram()
  histogram.record(-5)
  expect(histogram.max).toBe(0)
  histogram.record(1e12)
  expect(histogram.percentile(100)).toBe(2 ** 32 - 1)
})
