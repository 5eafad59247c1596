import { expect, test } from 'vitest'
import { type Request, encodeChangeRequest, encodeOpen, encodeRequest } from '../../src/machine/request.js'
import { NO_OP } from '../../src/paxos/value.js'
import { keyOf } from '../machine/keys.js'
import { hexadecimal, showValue, toPlainData } from '../../src/trace/shown.js'

const request = encodeRequest({
  kind: 'command',
  timeMs: 1000,
  session: keyOf(77),
  opening: 12,
  sequence: 3,
  acknowledged: 0,
  version: 1,
  command: Buffer.from('"x"'),
})
const tagOf = ({ opening, sequence }: Request) => `${opening}.${sequence}`

test.each([
  ['a command by its tag', request, '#12.3'],
  ['what opens a session', encodeOpen(keyOf(77)), 'open'],
  ['a change of the membership', encodeChangeRequest(keyOf(78), Buffer.from('x')), 'change'],
  ['a no-op', NO_OP, 'no-op'],
  ['other bytes in hexadecimal', Buffer.from('{"type'), '7b2274797065'],
  ['a part of a request in hexadecimal', request.subarray(0, 3), hexadecimal(request.subarray(0, 3))],
])('a value is shown: %s', (_name, value, text) => {
  expect(showValue(value, tagOf)).toBe(text)
})

test('values keep their form if JSON has it', () => {
  const date = new Date(0)
  const value = { list: [1n, null, 'x'], bytes: Buffer.from([1, 255]), part: { date }, none: undefined }
  const copy = toPlainData(value, hexadecimal)
  expect(copy).toEqual({ list: ['1', null, 'x'], bytes: '01ff', part: { date }, none: undefined })
  expect(JSON.parse(JSON.stringify(copy))).toEqual({
    list: ['1', null, 'x'],
    bytes: '01ff',
    part: { date: '1970-01-01T00:00:00.000Z' },
  })
})
