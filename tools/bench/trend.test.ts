import { expect, test } from 'vitest'
import { trendOf } from './trend.js'

const line = (value: (atSeconds: number) => number) =>
  Array.from({ length: 100 }, (_, atSeconds) => ({ atSeconds, value: value(atSeconds) }))

test('the trend of a line is found after any warm-up', () => {
  const { gained, perHour } = trendOf(line((atSeconds) => (atSeconds < 30 ? 1000 : 50 + atSeconds)))
  expect(perHour).toBeCloseTo(3600)
  expect(gained).toBeCloseTo(69 / (50 + 64.5))
})

test('values that go up and down have no trend', () => {
  const { gained, mean } = trendOf(line((atSeconds) => 100 + (atSeconds % 2)))
  expect(mean).toBeCloseTo(100.5)
  expect(Math.abs(gained)).toBeLessThan(0.001)
})

test('a single point, or none, has no trend', () => {
  expect(trendOf(line(() => 5).slice(0, 1))).toMatchObject({ mean: 5, perHour: 0, gained: 0 })
  expect(trendOf([]).perHour).toBe(0)
})
