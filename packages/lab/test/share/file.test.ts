import { expect, it } from 'vitest'
import { fileName } from '../../src/share/file.js'

it('a file is named after the title of its script', () => {
  expect(fileName('script', 'Two leaders!')).toBe('two-leaders.txt')
  expect(fileName('picture', 'Élection: (4, s1)')).toBe('election-4-s1.svg')
  expect(fileName('trace', '../../etc/passwd')).toBe('etc-passwd.ndjson')
})

it('an unnamed script has a default file name, and a long title is cut', () => {
  expect(fileName('script', ' 選挙 ')).toBe('synod-script.txt')
  expect(fileName('script', 'on and '.repeat(20))).toBe(`${'on-and-'.repeat(8)}on-a.txt`)
})
