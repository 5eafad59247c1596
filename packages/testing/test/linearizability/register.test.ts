import { describe, expect, test } from 'vitest'
import { checkLinearizable } from '../../src/linearizability/check.js'
import type { Operation } from '../../src/linearizability/history.js'
import {
  type RegisterInput,
  type RegisterOutput,
  type RegisterValue,
  registerModel,
} from '../../src/linearizability/models/register.js'
import { call, unknown } from './operations.js'

type Call = Operation<RegisterInput, RegisterOutput>

const read = (client: string, from: number, to: number, value: RegisterValue): Call =>
  call(client, from, to, { type: 'read' }, value)
const write = (client: string, from: number, to: number, value: RegisterValue): Call =>
  call(client, from, to, { type: 'write', value }, true)
const cas = (
  client: string,
  from: number,
  to: number,
  change: [RegisterValue, RegisterValue],
  done: boolean,
) =>
  call<RegisterInput, RegisterOutput>(client, from, to, { type: 'cas', from: change[0], to: change[1] }, done)
const lostWrite = (client: string, from: number, value: RegisterValue): Call =>
  unknown(client, from, { type: 'write', value })

const verdict = (...operations: Call[]) => checkLinearizable(registerModel(), operations).type

describe('linearizable:', () => {
  test.each<[string, Call[]]>([
    ['an empty history', []],
    [
      'operations one after the other',
      [write('a', 0, 1, 1), read('a', 2, 3, 1), write('b', 4, 5, 2), read('a', 6, 7, 2)],
    ],
    [
      'a read sees a write that has not returned',
      [write('a', 0, 9, 1), read('b', 1, 2, 1), read('b', 3, 4, 1)],
    ],
    ['a read does not see a write that has not returned', [write('a', 0, 9, 1), read('b', 1, 2, null)]],
    ['concurrent writes in either order', [write('a', 0, 5, 1), write('b', 0, 5, 2), read('c', 6, 7, 1)]],
    ['a write and a read that share one moment', [write('a', 0, 1, 1), read('b', 1, 2, null)]],
    ['cas and a read of what it wrote', [cas('a', 0, 1, [null, 1], true), read('a', 2, 3, 1)]],
    ['of two concurrent cas one fails', [cas('a', 0, 5, [null, 1], true), cas('b', 0, 5, [null, 2], false)]],
    [
      'two values in turn',
      [write('a', 0, 1, 1), write('a', 2, 3, 2), write('a', 4, 5, 1), read('b', 6, 7, 1)],
    ],
  ])('%s', (_, operations) => {
    expect(verdict(...operations)).toBe('linearizable')
  })
})

describe('not linearizable:', () => {
  test.each<[string, Call[]]>([
    ['a stale read', [write('a', 0, 1, 1), write('a', 2, 3, 2), read('b', 4, 5, 1)]],
    [
      'a value that is read, and then an older one',
      [write('a', 0, 9, 1), read('b', 1, 2, 1), read('c', 3, 4, null)],
    ],
    ['a value that no client wrote', [write('a', 0, 1, 1), read('b', 2, 3, 7)]],
    ['a read of a value that is written later', [read('b', 0, 1, 1), write('a', 2, 3, 1)]],
    ['a lost update', [cas('a', 0, 5, [null, 1], true), cas('b', 0, 5, [null, 2], true)]],
    ['a cas that must not fail', [cas('a', 0, 1, [null, 1], false)]],
    [
      'two readers that see two writes in two orders',
      [
        write('a', 0, 20, 1),
        write('b', 0, 20, 2),
        read('c', 1, 2, 1),
        read('c', 3, 4, 2),
        read('d', 5, 6, 1),
      ],
    ],
    [
      'an old value between two reads of a new one',
      [write('a', 0, 1, 1), write('a', 2, 9, 2), read('b', 3, 4, 2), read('c', 5, 6, 1), read('b', 7, 8, 2)],
    ],
  ])('%s', (_, operations) => {
    expect(verdict(...operations)).toBe('not-linearizable')
  })
})

describe('a write of unknown outcome', () => {
  const lost = lostWrite('a', 2, 2)
  const before = write('a', 0, 1, 1)

  test('may have happened', () => {
    expect(verdict(before, lost, read('b', 3, 4, 2))).toBe('linearizable')
  })

  test('may not have happened', () => {
    expect(verdict(before, lost, read('b', 3, 4, 1))).toBe('linearizable')
  })

  test('may happen late', () => {
    expect(verdict(before, lost, read('b', 3, 4, 1), read('b', 5, 6, 1), read('b', 7, 8, 2))).toBe(
      'linearizable',
    )
  })

  test('does not happen before its call', () => {
    expect(verdict(before, read('b', 0, 1, 2), lost)).toBe('not-linearizable')
  })

  test('is not undone', () => {
    expect(verdict(before, lost, read('b', 3, 4, 2), read('b', 5, 6, 1))).toBe('not-linearizable')
  })

  test('does not happen twice', () => {
    const twice = [read('b', 3, 4, 2), write('b', 5, 6, 3), read('b', 7, 8, 2)]
    expect(verdict(before, lost, ...twice)).toBe('not-linearizable')
    expect(verdict(before, lost, lostWrite('c', 2, 2), ...twice)).toBe('linearizable')
  })

  test('that is a cas happens only if its condition holds', () => {
    const lostCas: Call = unknown('a', 2, { type: 'cas', from: 9, to: 2 })
    expect(verdict(before, lostCas, read('b', 3, 4, 2))).toBe('not-linearizable')
    expect(verdict(before, lostCas, write('b', 5, 6, 9), read('b', 7, 8, 2))).toBe('linearizable')
  })
})

test('the initial value can be given', () => {
  const operations = [read('a', 0, 1, 5), cas('a', 2, 3, [5, 6], true)]
  expect(checkLinearizable(registerModel(5), operations).type).toBe('linearizable')
  expect(checkLinearizable(registerModel(4), operations).type).toBe('not-linearizable')
})
