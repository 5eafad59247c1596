import { expect, test } from 'vitest'
import { formatTable } from '../../src/terminal/table.js'

test('columns are as wide as they must be, and numbers stand to the right', () => {
  const rows = [
    ['s1', '7', '-', ''],
    ['s22', '1000', '-', 'a note'],
    ['s3', '-', '-', ''],
  ]
  expect(`\n${formatTable(['name', 'executed', 'leader', 'note'], rows)}`).toBe(`
name  executed  leader  note
s1           7  -
s22       1000  -       a note
s3           -  -`)
})

test('without rows there is the heading', () => {
  expect(formatTable(['a', 'b'], [])).toBe('a  b')
})
