import { expect, test } from 'vitest'
import { axisFor } from './axis.js'

const labels = (axis: ReturnType<typeof axisFor>) => axis.ticks.map(({ label }) => label)

test('a linear axis goes from 0 to a round bound, in five steps', () => {
  const axis = axisFor('linear', [3, 42], 's')
  expect(labels(axis)).toEqual(['0 s', '10 s', '20 s', '30 s', '40 s', '50 s'])
  expect(axis.position(25)).toBe(0.5)
})

test('a logarithmic axis has one step for each power of ten', () => {
  const axis = axisFor('logarithmic', [1000, 25_000, 1e7], '')
  expect(labels(axis)).toEqual(['10³', '10⁴', '10⁵', '10⁶', '10⁷'])
  expect([1e3, 1e4, 1e5, 1e7].map((value) => axis.position(value))).toEqual([0, 0.25, 0.5, 1])
})

test('a logarithmic axis begins and ends at powers of ten around its values', () => {
  expect(labels(axisFor('logarithmic', [0.02, 3], 'ms'))).toEqual(['10⁻² ms', '10⁻¹ ms', '10⁰ ms', '10¹ ms'])
  expect(labels(axisFor('logarithmic', [100], ''))).toEqual(['10²', '10³'])
  expect(labels(axisFor('logarithmic', [100, 1010], ''))).toEqual(['10²', '10³'])
})

test('axes without values have ticks at finite places', () => {
  for (const scale of ['linear', 'logarithmic'] as const) {
    const { position, ticks } = axisFor(scale, [], '')
    expect(ticks.length).toBeGreaterThan(1)
    for (const { value } of ticks) expect(position(value)).toBeGreaterThanOrEqual(0)
  }
})
