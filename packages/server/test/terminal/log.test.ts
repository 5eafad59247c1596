import { expect, test } from 'vitest'
import { lineLogger } from '../../src/terminal/log.js'

test('a line has time, level and message', () => {
  const lines: string[] = []
  lineLogger(false, (line) => lines.push(line)).warn({ peer: 2 }, 'lost the connection')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]{12}Z warn {2}lost the connection\n$/)
})

test('a JSON line has the fields too, and they cannot override time, level or message', () => {
  const lines: string[] = []
  lineLogger(true, (line) => lines.push(line)).error({ peer: 2, level: 'x', message: 'y' }, 'it failed')
  expect(JSON.parse(lines[0]!)).toMatchObject({ peer: 2, level: 'error', message: 'it failed' })
})
