import { describe, expect, test } from 'vitest'
import {
  NotLinearizableError,
  assertLinearizable,
  checkLinearizable,
} from '../../src/linearizability/check.js'
import type { Operation } from '../../src/linearizability/history.js'
import type { Model } from '../../src/linearizability/model.js'
import { queueModel } from '../../src/linearizability/models/queue.js'
import { registerModel } from '../../src/linearizability/models/register.js'
import { call, unknown } from './operations.js'

const write = (client: string, from: number, to: number, value: number) =>
  call(client, from, to, { type: 'write', value } as const, true)
const read = (client: string, from: number, to: number, value: number) =>
  call(client, from, to, { type: 'read' } as const, value)

describe('a witness', () => {
  test('contains all completed operations, and the pending ones that are needed', () => {
    const needed = unknown('b', 1, { type: 'write', value: 2 } as const)
    const idle = unknown('b', 1, { type: 'write', value: 3 } as const)
    const [first, last] = [write('a', 0, 5, 1), read('a', 6, 7, 2)]
    const { witness } = assertLinearizable(registerModel(), [last, idle, needed, first])
    expect([...witness]).toEqual([['', [first, needed, last]]])
  })
})

describe('an explanation', () => {
  // Clients a and b write and read what has nothing to do with the stale read of c.
  const operations: Operation<{ type: 'read' } | { type: 'write'; value: number }, number | boolean>[] = [
    write('a', 0, 1, 1),
    read('b', 0.5, 3, 1),
    write('a', 2, 4, 2),
    write('a', 5, 6, 3),
    read('b', 7, 8, 3),
    unknown('d', 8, { type: 'write', value: 9 }),
    read('c', 9, 12, 2),
    write('a', 10, 11, 4),
    read('b', 13, 14, 4),
  ]

  test('shows the operations at fault, and no others', () => {
    const result = checkLinearizable(registerModel(), operations)
    expect(result).toMatchObject({ type: 'not-linearizable', partition: '', state: 4 })
    expect(result.type === 'not-linearizable' && result.explanation).toMatchInlineSnapshot(`
      "Not linearizable: no order of its 9 operations explains
        c: read → 2
      These contradict each other, whatever became of all others:
        a: write 2   ||
        a: write 3     ||
        c: read → 2      ||
      The end of an order of the 6 before:
        a: write 1
        b: read → 1
        a: write 2
        a: write 3
        b: read → 3
        a: write 4
      It leads to the state 4, where that is not possible."
    `)
  })

  test('is the message of the error of an assertion', () => {
    const result = checkLinearizable(registerModel(), operations)
    const error = catchError(() => assertLinearizable(registerModel(), operations))
    expect(error).toBeInstanceOf(NotLinearizableError)
    expect(error).toMatchObject({ name: 'NotLinearizableError', result })
    expect(result).toHaveProperty('explanation', error.message)
  })

  test('names the partition', () => {
    const model = { ...registerModel(), partition: () => 'x' }
    expect(catchError(() => assertLinearizable(model, operations)).message).toContain("(partition 'x')")
  })

  test('prints operations as JSON if the model does not describe them', () => {
    const { init, step } = registerModel()
    expect(catchError(() => assertLinearizable({ init, step }, operations)).message).toContain(
      "c: { type: 'read' } → 2",
    )
  })
})

describe('a check beyond its limit', () => {
  // Which of twelve values was enqueued when shows only in the end.
  const values = Array.from({ length: 12 }, (_, value) => value)
  const operations = [
    ...values.map((value) => call(`p${value}`, 0, 50, { type: 'enqueue', value } as const, true)),
    ...values.map((_, turn) => call('t', 100 + 2 * turn, 101 + 2 * turn, { type: 'dequeue' } as const, 11)),
  ]

  test('is undecided', () => {
    expect(checkLinearizable(queueModel(), operations, { limit: 500 })).toMatchObject({
      type: 'undecided',
      partition: '',
      limit: 500,
    })
  })

  test('fails an assertion', () => {
    expect(() => assertLinearizable(queueModel(), operations, { limit: 500 })).toThrow(
      'Could not decide within 500 configurations whether 24 operations, 0 of unknown outcome, are linearizable.',
    )
  })

  test('still finds a fault in another partition', () => {
    const model = { ...queueModel(), partition: ({ type }: { type: string }) => type }
    const fault = call('t', 0, 1, { type: 'dequeue' } as const, 'x')
    const slow = operations.filter(({ input }) => input.type === 'enqueue')
    expect(checkLinearizable(model, [...slow, fault], { limit: 5 })).toMatchObject({
      type: 'not-linearizable',
      partition: 'dequeue',
    })
  })
})

describe('a model', () => {
  test('may allow several next states', () => {
    const coin: Model<string, 'flip' | 'look', string> = {
      init: 'heads',
      step(state, input, output) {
        if (input === 'flip') return ['heads', 'tails']
        return output === undefined || output === state ? [state] : []
      },
    }
    const flip = (at: number) => call('a', at, at + 1, 'flip' as const, 'done')
    const look = (at: number, side: string) => call('a', at, at + 1, 'look' as const, side)
    const verdict = (...operations: Operation<'flip' | 'look', string>[]) =>
      checkLinearizable(coin, operations).type
    expect(verdict(flip(0), look(2, 'tails'), flip(4), look(6, 'heads'))).toBe('linearizable')
    expect(verdict(flip(0), look(2, 'tails'), look(4, 'heads'))).toBe('not-linearizable')
  })

  test('may define when states are equal', () => {
    class Total {
      readonly #total: number
      constructor(total: number) {
        this.#total = total
      }
      get value() {
        return this.#total
      }
    }
    const model: Model<Total, number, number> = {
      init: new Total(0),
      step: (state, input, output) =>
        output === undefined || output === state.value + input ? [new Total(state.value + input)] : [],
    }
    const operations = [call('a', 0, 3, 1, 1), call('b', 1, 2, 1, 2)]
    expect(() => checkLinearizable(model, operations)).toThrow('Total')
    const keyed = { ...model, key: ({ value }: Total) => String(value) }
    expect(checkLinearizable(keyed, operations).type).toBe('linearizable')
  })
})

describe('an operation of a history', () => {
  const check = (operation: Operation<{ type: 'read' }, number>) => () =>
    checkLinearizable(registerModel(), [operation])

  test('may not return before its call', () => {
    expect(check(read('a', 2, 1, 0))).toThrow(new RangeError('returns before its call: a: read → 0'))
    expect(check(read('a', NaN, 1, 0))).toThrow(RangeError)
  })

  test('has an output exactly if it returned', () => {
    expect(check({ client: 'a', input: { type: 'read' }, invoked: 0, returned: 1 })).toThrow(TypeError)
    expect(check({ client: 'a', input: { type: 'read' }, invoked: 0, output: 1 })).toThrow(TypeError)
  })
})

function catchError(run: () => unknown): Error {
  try {
    run()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}
