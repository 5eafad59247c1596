import { expect, test } from 'vitest'
import { checkLinearizable } from '../../src/linearizability/check.js'
import type { Operation } from '../../src/linearizability/history.js'
import {
  type KeyValueInput,
  type KeyValueOutput,
  keyValueModel,
} from '../../src/linearizability/models/key-value.js'
import { unknown } from './operations.js'

type Call = Operation<KeyValueInput, KeyValueOutput>

/** One after the other. */
const inTurn = (...steps: [KeyValueInput, KeyValueOutput][]): Call[] =>
  steps.map(([input, output], turn) => ({
    client: 'a',
    input,
    invoked: 2 * turn,
    returned: 2 * turn + 1,
    output,
  }))

const verdict = (operations: Call[]) => checkLinearizable(keyValueModel(), operations).type
const get = (key: string): KeyValueInput => ({ type: 'get', key })
const put = (key: string, value: string | number): KeyValueInput => ({ type: 'put', key, value })
const remove = (key: string): KeyValueInput => ({ type: 'delete', key })
const cas = (key: string, from: string | number | null, to: string | number): KeyValueInput => ({
  type: 'cas',
  key,
  from,
  to,
})

test('every operation in sequence is linearizable', () => {
  const steps: [KeyValueInput, KeyValueOutput][] = [
    [get('x'), null],
    [remove('x'), false],
    [put('x', 1), false],
    [put('x', 2), true],
    [cas('x', 1, 3), false],
    [cas('x', 2, 3), true],
    [get('x'), 3],
    [remove('x'), true],
    [cas('x', null, 4), true],
    [get('x'), 4],
  ]
  expect(verdict(inTurn(...steps))).toBe('linearizable')
})

test.each<[string, [KeyValueInput, KeyValueOutput][]]>([
  [
    'a put reports an existing key as new',
    [
      [put('x', 1), false],
      [put('x', 2), false],
    ],
  ],
  ['a put reports a new key as existing', [[put('x', 1), true]]],
  [
    'a key is deleted twice',
    [
      [put('x', 1), false],
      [remove('x'), true],
      [remove('x'), true],
    ],
  ],
  [
    'a deleted value is read',
    [
      [put('x', 1), false],
      [remove('x'), true],
      [get('x'), 1],
    ],
  ],
  [
    'a cas for an absent key succeeds on an existing key',
    [
      [put('x', 1), false],
      [cas('x', null, 2), true],
    ],
  ],
  [
    'the value of another key is read',
    [
      [put('x', 1), false],
      [get('y'), 1],
    ],
  ],
])('not linearizable: %s', (_, steps) => {
  expect(verdict(inTurn(...steps))).toBe('not-linearizable')
})

test('a store need not report whether a deleted key existed', () => {
  expect(verdict(inTurn([put('x', 1), null], [remove('x'), null], [get('x'), null]))).toBe('linearizable')
  expect(verdict(inTurn([put('x', 1), null], [get('x'), null]))).toBe('not-linearizable')
})

test('each key is a partition with its own witness', () => {
  const operations = inTurn([put('x', 1), false], [put('y', 2), false], [get('x'), 1], [get('y'), 2])
  const result = checkLinearizable(keyValueModel(), operations)
  expect(result).toMatchObject({ type: 'linearizable' })
  const [first, second, third, fourth] = operations
  expect(result.type === 'linearizable' && [...result.witness]).toEqual([
    ['x', [first, third]],
    ['y', [second, fourth]],
  ])
})

test('the error names the partition at fault', () => {
  const operations = inTurn([put('x', 1), false], [put('y', 2), false], [get('x'), 1], [get('y'), 1])
  const result = checkLinearizable(keyValueModel(), operations)
  expect(result).toMatchObject({ type: 'not-linearizable', partition: 'y' })
})

test('a delete of unknown outcome may have happened or not', () => {
  const lost = unknown('b', 1, remove('x'))
  expect(verdict([...inTurn([put('x', 1), false], [get('x'), null]), lost])).toBe('linearizable')
  expect(verdict([...inTurn([put('x', 1), false], [get('x'), null], [get('x'), 1]), lost])).toBe(
    'not-linearizable',
  )
})
