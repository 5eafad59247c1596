import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_RANGE_BYTES } from '../../src/kv/limits.js'
import { KvMachine } from '../../src/kv/machine.js'
import type { KvAnswer, KvCommand, KvQuery, KvResult } from '../../src/kv/operations.js'
import { commands, fewKeys, queries } from './arbitraries.js'
import { KvModel } from './model.js'

/** As a replica uses it: everything goes through the codecs. */
class EncodedMachine {
  readonly #machine = new KvMachine()

  apply(command: KvCommand): KvResult {
    const { command: codec, result } = this.#machine.codecs
    return result.decode(result.encode(this.#machine.apply(codec.decode(codec.encode(command)))))
  }

  query(query: KvQuery): KvAnswer {
    const { query: codec, answer } = this.#machine.codecs
    return answer.decode(answer.encode(this.#machine.query(codec.decode(codec.encode(query)))))
  }
}

test('the machine gives the results of the model', () => {
  const operations = fc.array(fc.oneof(commands(fewKeys), queries(fewKeys, 4)), { maxLength: 60 })
  fc.assert(
    fc.property(operations, (steps) => {
      const machine = new EncodedMachine()
      const model = new KvModel()
      for (const step of steps) {
        if (step.type === 'get' || step.type === 'range')
          expect(machine.query(step)).toEqual(model.query(step))
        else expect(machine.apply(step)).toEqual(model.apply(step))
      }
    }),
    { numRuns: 300 },
  )
})

function put(machine: EncodedMachine, key: string, value: string | Buffer): void {
  machine.apply({ type: 'put', key, value: Buffer.from(value) })
}

function range(machine: EncodedMachine, options: Partial<Extract<KvQuery, { type: 'range' }>>) {
  const answer = machine.query({
    type: 'range',
    prefix: '',
    after: '',
    limit: 1000,
    keysOnly: false,
    ...options,
  })
  if (answer.type !== 'range') throw new Error('no range')
  return { keys: answer.pairs.map(({ key }) => key), more: answer.more }
}

test('a range stops before 1 MiB, and can be continued after its last key', () => {
  const machine = new EncodedMachine()
  const names = ['a', 'b', 'c', 'd', 'e']
  for (const name of names) put(machine, name, Buffer.alloc(MAX_RANGE_BYTES / 2 - 7))
  expect(range(machine, {})).toEqual({ keys: ['a', 'b'], more: true })
  expect(range(machine, { after: 'b' })).toEqual({ keys: ['c', 'd'], more: true })
  expect(range(machine, { after: 'd' })).toEqual({ keys: ['e'], more: false })
  expect(range(machine, { keysOnly: true })).toEqual({ keys: names, more: false })
})

test('a range has at least one pair, however large', () => {
  const machine = new EncodedMachine()
  put(machine, 'a', Buffer.alloc(MAX_RANGE_BYTES))
  put(machine, 'b', '')
  expect(range(machine, {})).toEqual({ keys: ['a'], more: true })
  expect(range(machine, { after: 'a' })).toEqual({ keys: ['b'], more: false })
})

test('integers are exact far beyond the range of numbers', () => {
  const machine = new EncodedMachine()
  const increment = (by: bigint) => machine.apply({ type: 'increment', key: 'n', by })
  const most = 10n ** 100n - 1n
  expect(increment(2n ** 53n)).toMatchObject({ value: 2n ** 53n })
  expect(increment(1n)).toMatchObject({ value: 2n ** 53n + 1n })
  put(machine, 'n', most.toString())
  expect(increment(1n)).toEqual({ type: 'increment', done: false, reason: 'out-of-range' })
  expect(increment(-most)).toMatchObject({ value: 0n })
  for (const text of ['', '-', '1.5', '1e3', '0x1', ' 1', '+1', `1${'0'.repeat(100)}`]) {
    put(machine, 'n', text)
    expect(increment(1n), text).toEqual({ type: 'increment', done: false, reason: 'not-an-integer' })
    expect(machine.query({ type: 'get', key: 'n' })).toEqual({ type: 'get', value: Buffer.from(text) })
  }
})
