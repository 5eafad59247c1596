import { expect, test } from 'vitest'
import { random, randomBetween } from '../../src/paxos/random.js'

const draw = (state: { seed: number }, count: number) => Array.from({ length: count }, () => random(state))

test('a seed decides all later numbers', () => {
  expect(draw({ seed: 7 }, 100)).toEqual(draw({ seed: 7 }, 100))
  expect(draw({ seed: 7 }, 10)).not.toEqual(draw({ seed: 8 }, 10))
})

test('a copy of the state gives the same numbers', () => {
  const state = { seed: 7 }
  draw(state, 13)
  expect(draw({ ...state }, 10)).toEqual(draw(state, 10))
})

test('the numbers lie in [0, 1) and fill it evenly', () => {
  const numbers = draw({ seed: 1 }, 10_000)
  const tenths = new Array<number>(10).fill(0)
  for (const number of numbers) {
    expect(number).toBeGreaterThanOrEqual(0)
    expect(number).toBeLessThan(1)
    tenths[Math.floor(number * 10)]!++
  }
  for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150)
})

test('randomBetween stays between its bounds', () => {
  const state = { seed: 1 }
  for (let i = 0; i < 1000; i++) {
    const number = randomBetween(state, 20, 40)
    expect(number).toBeGreaterThanOrEqual(20)
    expect(number).toBeLessThan(40)
  }
  expect(randomBetween(state, 5, 5)).toBe(5)
})
