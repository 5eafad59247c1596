import { describe, expect, test } from 'vitest'
import { Chance } from '../../src/chance.js'
import { checkLinearizable } from '../../src/linearizability/check.js'
import type { Operation } from '../../src/linearizability/history.js'
import { forSeeds } from '../../../synod/test/paxos/replay.js'
import { answered, simulate } from './histories.js'
import { type TestObject, counter, keyValue, register } from './objects.js'
import { faultOf } from './operations.js'

/** A search of this many configurations that decides nothing takes longer than a test may. */
const limit = 100_000
const SEEDS = 2

/** One key, twenty clients, and some thirty operations of unknown outcome. */
const load = { clients: 20, operations: 1000, unknown: 0.03, values: Infinity, pause: 0, slack: 0 }
const calm = { ...load, pause: 2 }

type Change<I, O> = (operations: readonly Operation<I, O>[], chance: Chance) => Operation<I, O>[]

function decides<S, I, O>(object: TestObject<S, I, O>, wanted: string, change?: Change<I, O>): void {
  forSeeds(import.meta.url, SEEDS, (seed) => {
    for (const each of change === undefined ? [load, calm] : [load]) {
      const chance = new Chance(seed)
      const good = simulate(object, chance, each)
      const operations = change?.(good, chance) ?? good
      const result = checkLinearizable(object.model, operations, { limit })
      expect(result.type).toBe(wanted)
      if (result.type !== 'linearizable') continue
      expect(faultOf(object.model, operations, [...result.witness.values()].flat())).toBeUndefined()
    }
  })
}

/** An operation that completed in the later half. */
function late<I extends { readonly type: string }, O>(
  operations: readonly Operation<I, O>[],
  chance: Chance,
  type: string,
): Operation<I, O> & { readonly returned: number } {
  const half = operations.slice(operations.length / 2)
  return chance.pick(half.filter((each): each is ReturnType<typeof late<I, O>> => isOf(each, type)))
}

function isOf({ input, returned }: Operation<{ readonly type: string }, unknown>, type: string): boolean {
  return input.type === type && returned !== undefined
}

describe('1,000 linearizable operations of 20 clients on one key are accepted:', () => {
  test('register', () => decides(register, 'linearizable'))
  test('key-value store', () => decides(keyValue, 'linearizable'))
  test('counter', () => decides(counter, 'linearizable'))

  test('register with few values', () => {
    forSeeds(import.meta.url, SEEDS, (seed) => {
      const operations = simulate(register, new Chance(seed), { ...calm, unknown: 0, values: 5 })
      expect(checkLinearizable(register.model, operations, { limit }).type).toBe('linearizable')
    })
  })
})

describe('1,000 operations of 20 clients on one key with one fault are rejected:', () => {
  test('register: a stale read', () => {
    decides(register, 'not-linearizable', (operations, chance) => {
      const read = late(operations, chance, 'read')
      const before = operations.filter((each) => isOf(each, 'write'))
      const newer = before.findLast(({ returned }) => returned! < read.invoked)!
      const older = before.findLast(({ returned }) => returned! < newer.invoked)!
      return answered(operations, read, older.input.type === 'write' ? older.input.value : null)
    })
  })

  test('register: a value that no client wrote', () => {
    decides(register, 'not-linearizable', (operations, chance) =>
      answered(operations, late(operations, chance, 'read'), 'nobody'),
    )
  })

  test('key-value store: a stale get', () => {
    decides(keyValue, 'not-linearizable', (operations, chance) => {
      const get = late(operations, chance, 'get')
      const before = operations.filter((each) => isOf(each, 'put'))
      const newer = before.findLast(({ returned }) => returned! < get.invoked)!
      const older = before.findLast(({ returned }) => returned! < newer.invoked)!
      return answered(operations, get, older.input.type === 'put' ? older.input.value : null)
    })
  })

  test('counter: a lost update', () => {
    decides(counter, 'not-linearizable', (operations, chance) => {
      const add = late(operations, chance, 'add')
      const other = operations.findLast((each) => isOf(each, 'add') && each.output! < add.output!)!
      return answered(operations, add, other.output!)
    })
  })

  test('counter: a stale read', () => {
    decides(counter, 'not-linearizable', (operations, chance) => {
      const read = late(operations, chance, 'read')
      const add = operations.findLast((each) => isOf(each, 'add') && each.returned! < read.invoked)!
      return answered(operations, read, add.output! - 1)
    })
  })
})

test('a write of unknown outcome that happens twice is found', () => {
  forSeeds(import.meta.url, SEEDS, (seed) => {
    const chance = new Chance(seed)
    const operations = simulate(register, chance, load)
    const lost = operations.find(({ input, returned }) => input.type === 'write' && returned === undefined)!
    const after = (time: number, type: string) =>
      operations.find((each) => isOf(each, type) && each.invoked > time)!
    const first = after(lost.invoked, 'read')
    const between = after(first.returned!, 'write')
    const second = after(between.returned!, 'read')
    const value = lost.input.type === 'write' ? lost.input.value : null
    const twice = answered(answered(operations, first, value), second, value)
    const result = checkLinearizable(register.model, twice, { limit })
    expect(result.type).toBe('not-linearizable')
  })
})
