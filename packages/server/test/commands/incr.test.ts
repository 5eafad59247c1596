import { expect, test } from 'vitest'
import { amountOf } from '../../src/commands/incr.js'

test('incr adds 1, or an integer of any size', () => {
  expect(amountOf([])).toBe(1n)
  expect(amountOf(['-12345678901234567890'])).toBe(-12345678901234567890n)
  for (const text of ['', '1.5', '+1', 'x', '1'.repeat(101)]) {
    expect(() => amountOf([text]), text).toThrow('a decimal integer')
  }
  expect(() => amountOf(['1', '2'])).toThrow('1 argument too many')
})
