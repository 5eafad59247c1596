import { expect, test } from 'vitest'
import { checkLinearizable } from '../../src/linearizability/check.js'
import type { Operation } from '../../src/linearizability/history.js'
import {
  type QueueInput,
  type QueueOutput,
  type QueueValue,
  queueModel,
} from '../../src/linearizability/models/queue.js'
import { call, unknown } from './operations.js'

type Call = Operation<QueueInput, QueueOutput>

const put = (from: number, to: number, value: QueueValue): Call =>
  call(`p${value}`, from, to, { type: 'enqueue', value }, true)
const take = (from: number, to: number, value: QueueValue | null): Call =>
  call('t', from, to, { type: 'dequeue' }, value)

const verdict = (...operations: Call[]) => checkLinearizable(queueModel(), operations).type

test('values are dequeued in the order in which they were enqueued', () => {
  expect(verdict(put(0, 1, 1), put(2, 3, 2), take(4, 5, 1), take(6, 7, 2), take(8, 9, null))).toBe(
    'linearizable',
  )
  expect(verdict(put(0, 1, 1), put(2, 3, 2), take(4, 5, 2))).toBe('not-linearizable')
})

test('concurrent enqueues may take either order, the same for all dequeues', () => {
  expect(verdict(put(0, 9, 1), put(0, 9, 2), take(10, 11, 2), take(12, 13, 1))).toBe('linearizable')
  expect(verdict(put(0, 9, 1), put(0, 9, 2), take(10, 11, 2), take(12, 13, 2))).toBe('not-linearizable')
})

test('a value is not dequeued before its enqueue, nor twice', () => {
  expect(verdict(take(0, 1, 1), put(2, 3, 1))).toBe('not-linearizable')
  expect(verdict(put(0, 1, 1), take(2, 3, null))).toBe('not-linearizable')
  expect(verdict(put(0, 9, 1), take(1, 2, null), take(3, 4, 1), take(5, 6, null))).toBe('linearizable')
})

test('a value is lost only by a dequeue of unknown outcome', () => {
  const lost: Call = unknown('u', 4, { type: 'dequeue' })
  const operations = [put(0, 1, 1), put(2, 3, 2), take(5, 6, 2)]
  expect(verdict(...operations)).toBe('not-linearizable')
  expect(verdict(...operations, lost)).toBe('linearizable')
})

test('an enqueue of unknown outcome adds its value at most once', () => {
  const lost: Call = unknown('u', 0, { type: 'enqueue', value: 7 })
  expect(verdict(lost, take(1, 2, null), take(3, 4, 7))).toBe('linearizable')
  expect(verdict(lost, take(1, 2, 7), take(3, 4, 7))).toBe('not-linearizable')
})
