import { expect, test } from 'vitest'
import { assertLinearizable } from '../../src/linearizability/check.js'
import { History } from '../../src/linearizability/history.js'
import { counterModel } from '../../src/linearizability/models/counter.js'

test('operations are in the order of their calls, and all events in the order of time', () => {
  const history = new History<string, number>()
  const first = history.invoke('a', 'first')
  const second = history.invoke('b', 'second')
  second.returned(2)
  first.returned(1)
  expect(history.operations()).toEqual([
    { client: 'a', input: 'first', invoked: 0, returned: 3, output: 1 },
    { client: 'b', input: 'second', invoked: 1, returned: 2, output: 2 },
  ])
})

test('an operation has an unknown outcome until its outcome is recorded', () => {
  const history = new History<string, number>()
  history.invoke('a', 'open')
  history.invoke('b', 'timed out').unknown()
  expect(history.operations()).toEqual([
    { client: 'a', input: 'open', invoked: 0 },
    { client: 'b', input: 'timed out', invoked: 1 },
  ])
})

test('a failed operation is removed', () => {
  const history = new History<string, number>()
  history.invoke('a', 'refused').failed()
  expect(history.operations()).toEqual([])
})

test('the outcome of an operation is recorded once', () => {
  const history = new History<string, number>()
  const call = history.invoke('a', 'slow')
  call.unknown()
  expect(() => call.returned(1)).toThrow('twice')
  expect(() => call.failed()).toThrow('twice')
  expect(history.operations()).toEqual([{ client: 'a', input: 'slow', invoked: 0 }])
})

test('a history can be passed to the checker', () => {
  const history = new History<{ type: 'add'; amount: number }, number>()
  const slow = history.invoke('a', { type: 'add', amount: 1 })
  history.invoke('b', { type: 'add', amount: 1 }).returned(2)
  slow.unknown()
  expect(assertLinearizable(counterModel(), history.operations()).witness.get('')).toHaveLength(2)
})
