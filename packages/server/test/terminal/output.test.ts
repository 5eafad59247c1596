import { expect, test } from 'vitest'
import { plural } from '../../src/terminal/output.js'

test('plural adds an s unless the count is 1', () => {
  expect([0, 1, 2].map((count) => plural(count, 'slot'))).toEqual(['0 slots', '1 slot', '2 slots'])
})
