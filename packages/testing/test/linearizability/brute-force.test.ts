import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Chance } from '../../src/chance.js'
import { checkLinearizable } from '../../src/linearizability/check.js'
import { type Operation, withoutOutcome } from '../../src/linearizability/history.js'
import type { Model } from '../../src/linearizability/model.js'
import { checkProperty } from '../../../synod/test/paxos/replay.js'
import { type Load, simulate } from './histories.js'
import { type TestObject, counter, keyValue, queue, register } from './objects.js'
import { bruteForce, faultOf } from './operations.js'

fc.configureGlobal({ numRuns: 1500 })

const loads: fc.Arbitrary<Load> = fc.record({
  clients: fc.integer({ min: 2, max: 5 }),
  operations: fc.integer({ min: 1, max: 9 }),
  unknown: fc.constantFrom(0, 0.1, 0.4),
  values: fc.constantFrom(2, 3, Infinity),
  pause: fc.constantFrom(0, 1),
  slack: fc.constantFrom(0, 1, 3),
})

/** A short history. In whole numbers, many times are the same. */
function history<S, I, O>(
  object: TestObject<S, I, O>,
  seed: number,
  load: Load,
  whole: boolean,
): Operation<I, O>[] {
  const operations = simulate(object, new Chance(seed), load)
  if (!whole) return operations
  return operations.map(({ invoked, returned, ...rest }) => ({
    ...rest,
    invoked: Math.floor(invoked),
    ...(returned === undefined ? {} : { returned: Math.floor(returned) }),
  }))
}

/** The model without what makes the search faster. */
function bare<S, I, O>({ init, step }: Model<S, I, O>): Model<S, I, O> {
  return { init, step }
}

function check<S, I, O>(model: Model<S, I, O>, operations: readonly Operation<I, O>[]): void {
  const result = checkLinearizable(model, operations)
  expect(result.type).toBe(bruteForce(model, operations) ? 'linearizable' : 'not-linearizable')
  if (result.type === 'linearizable') {
    expect(faultOf(model, operations, [...result.witness.values()].flat())).toBeUndefined()
  }
  if (result.type === 'not-linearizable') {
    const { contradiction, operation, prefix } = result
    const weakened = operations.map((each) => (contradiction.includes(each) ? each : withoutOutcome(each)))
    expect(bruteForce(model, weakened)).toBe(false)
    const before = operations.filter(({ returned = Infinity }) => returned < operation.returned!)
    const others = prefix.filter(({ returned }) => returned === undefined)
    expect(faultOf(model, [...before, ...others], prefix)).toBeUndefined()
  }
}

describe.each([
  ['register', register],
  ['key-value store', keyValue],
  ['counter', counter],
  ['queue', queue],
] as [string, TestObject<unknown, unknown, unknown>][])('for random histories of: %s', (_, object) => {
  test('the checker agrees with a search of all orders', () => {
    const property = fc.property(fc.nat(), loads, fc.boolean(), (seed, load, whole) => {
      const operations = history(object, seed, load, whole)
      check(object.model, operations)
      check(bare(object.model), operations)
    })
    checkProperty(import.meta.url, property)
  })

  test('the random histories are of both kinds, linearizable and not', () => {
    const load = { clients: 4, operations: 8, unknown: 0.1, values: 3, pause: 0, slack: 3 }
    const seeds = Array.from({ length: 200 }, (_, seed) => seed)
    const good = seeds.filter((seed) => bruteForce(object.model, history(object, seed, load, false)))
    expect(good.length).toBeGreaterThan(20)
    expect(good.length).toBeLessThan(180)
  })
})
