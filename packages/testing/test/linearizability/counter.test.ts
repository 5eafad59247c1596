import { expect, test } from 'vitest'
import { checkLinearizable } from '../../src/linearizability/check.js'
import type { Operation } from '../../src/linearizability/history.js'
import { type CounterInput, counterModel } from '../../src/linearizability/models/counter.js'
import { call, unknown } from './operations.js'

type Call = Operation<CounterInput, number>

const add = (client: string, from: number, to: number, amount: number, total: number): Call =>
  call(client, from, to, { type: 'add', amount }, total)
const read = (client: string, from: number, to: number, total: number): Call =>
  call(client, from, to, { type: 'read' }, total)
const lostAdd = (client: string, from: number, amount: number): Call =>
  unknown(client, from, { type: 'add', amount })

const verdict = (...operations: Call[]) => checkLinearizable(counterModel(), operations).type

test('concurrent adds in the order of their totals are linearizable', () => {
  expect(verdict(add('a', 0, 9, 2, 5), add('b', 0, 9, 3, 3), read('c', 1, 2, 0))).toBe('linearizable')
})

test('a lost update is not linearizable', () => {
  expect(verdict(add('a', 0, 9, 1, 1), add('b', 0, 9, 1, 1))).toBe('not-linearizable')
})

test('a stale read is not linearizable', () => {
  expect(verdict(add('a', 0, 1, 1, 1), read('b', 2, 3, 0))).toBe('not-linearizable')
})

test('totals against the real-time order are not linearizable', () => {
  expect(verdict(add('a', 0, 1, 1, 2), add('b', 2, 3, 1, 1))).toBe('not-linearizable')
})

test('an add of unknown outcome happens once or never', () => {
  const lost = lostAdd('a', 0, 1)
  expect(verdict(lost, read('b', 1, 2, 0))).toBe('linearizable')
  expect(verdict(lost, read('b', 1, 2, 0), read('b', 3, 4, 1))).toBe('linearizable')
  expect(verdict(lost, read('b', 1, 2, 1), read('b', 3, 4, 0))).toBe('not-linearizable')
  expect(verdict(lost, read('b', 1, 2, 2))).toBe('not-linearizable')
  expect(verdict(lost, lostAdd('c', 0, 1), read('b', 1, 2, 2))).toBe('linearizable')
})

test('several adds of unknown outcome may happen before one read', () => {
  const lost = [1, 2, 4, 8, 16].map((amount, client) => lostAdd(`c${client}`, client, amount))
  expect(verdict(...lost, read('z', 10, 11, 21))).toBe('linearizable')
  expect(verdict(...lost, read('z', 10, 11, 32))).toBe('not-linearizable')
  expect(verdict(...lost, read('z', 2.5, 3.5, 16))).toBe('not-linearizable')
})

test('the initial total can be given', () => {
  expect(checkLinearizable(counterModel(7), [read('a', 0, 1, 7)]).type).toBe('linearizable')
})

test('a counter does not decrease', () => {
  expect(() => verdict(add('a', 0, 1, -1, -1))).toThrow(RangeError)
})
