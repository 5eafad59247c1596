import { expect, test } from 'vitest'
import { plural } from '../../src/terminal/output.js'

test('one and many', () => {
  expect([0, 1, 2].map((count) => plural(count, 'slot'))).toEqual(['0 slots', '1 slot', '2 slots'])
})
