import { expect, test } from 'vitest'
import { formatTable } from '../../src/terminal/table.js'

test('columns fit their widest cell, and numbers are aligned right', () => {
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

test('a table without rows has a heading', () => {
  expect(formatTable(['a', 'b'], [])).toBe('a  b')
})
