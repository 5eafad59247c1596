import { expect, test } from 'vitest'
import { formatBar, formatCount, formatDuration } from '../../src/terminal/amounts.js'

test('counts are printed with thousands separators', () => {
  expect([0, 999, 1000, 1_234_567].map(formatCount)).toEqual(['0', '999', '1,000', '1,234,567'])
})

test('durations are printed with units that suit their size', () => {
  const durationsMs = [0, 999.4, 1000, 59_949, 59_950, 125_000, 3_599_600, 12_000_000]
  expect(durationsMs.map(formatDuration)).toEqual([
    '0 ms',
    '999 ms',
    '1.0 s',
    '59.9 s',
    '1 min 0 s',
    '2 min 5 s',
    '1 h 0 min',
    '3 h 20 min',
  ])
})

test('bars are filled in proportion', () => {
  expect([0, 0.5, 1, 2].map((done) => formatBar(done, 4))).toEqual(['[    ]', '[##  ]', '[####]', '[####]'])
})
