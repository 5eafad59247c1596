import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Entries, OrderedMap } from '../../src/kv/ordered-map.js'

const key = fc.string({
  minLength: 1,
  maxLength: 2,
  unit: fc.constantFrom('a', 'b', 'c', 'd', 'e', '\0', '\uffff'),
})
const step = fc.record({ key, value: fc.option(fc.nat(), { nil: undefined }) })
const steps = fc.array(step, { maxLength: 200 })
const maxRun = fc.integer({ min: 2, max: 8 })

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function carryOut(map: OrderedMap<number>, model: Map<string, number>, { key, value }: Step): void {
  expect(map.get(key)).toBe(model.get(key))
  if (value === undefined) {
    expect(map.delete(key)).toBe(model.delete(key))
  } else {
    expect(map.set(key, value)).toBe(model.has(key))
    model.set(key, value)
  }
  expect(map.size).toBe(model.size)
}

function entriesOf({ keys, values }: Entries<number>): [string, number][] {
  return keys.map((key, index) => [key, values[index] ?? NaN])
}

function sorted(model: ReadonlyMap<string, number>, start = '') {
  return [...model].filter(([each]) => each >= start).sort(([a], [b]) => (a < b ? -1 : 1))
}

test('the map iterates as a sorted map does, however its runs split and merge', () => {
  fc.assert(
    fc.property(steps, key, maxRun, (steps, start, maxRun) => {
      const map = new OrderedMap<number>(maxRun)
      const model = new Map<string, number>()
      for (const step of steps) carryOut(map, model, step)
      expect([...map.from('')]).toEqual(sorted(model))
      expect([...map.from(start)]).toEqual(sorted(model, start))
    }),
  )
})

describe('a snapshot of the ordered map', () => {
  test('keeps its state while the map changes', () => {
    fc.assert(
      fc.property(steps, steps, fc.nat(5), maxRun, (before, during, pace, maxRun) => {
        const map = new OrderedMap<number>(maxRun)
        const model = new Map<string, number>()
        for (const step of before) carryOut(map, model, step)
        const then = sorted(model)
        const snapshot = map.snapshot()
        const read: (readonly [string, number])[] = []
        const take = () => {
          const { done, value } = snapshot.next()
          if (done !== true) read.push(...entriesOf(value))
          return done !== true
        }
        for (const step of during) {
          for (let i = 0; i < pace; i++) take()
          carryOut(map, model, step)
        }
        while (take());
        expect(read).toEqual(then)
        expect([...map.from('')]).toEqual(sorted(model))
      }),
    )
  })

  test('ends when the next one is taken', () => {
    const map = new OrderedMap<number>()
    map.set('a', 1)
    const first = map.snapshot()
    const second = map.snapshot()
    expect(() => first.next()).toThrow('a later snapshot has taken the place of this one')
    map.set('a', 2)
    expect([...second].flatMap(entriesOf)).toEqual([['a', 1]])
  })

  test('fills an empty map, in ascending order only', () => {
    const map = new OrderedMap<number>()
    const copy = new OrderedMap<number>(4)
    for (let i = 0; i < 1000; i++) map.set(`key/${(i * 7919) % 1000}`, i)
    for (const run of map.snapshot()) for (const [key, value] of entriesOf(run)) copy.append(key, value)
    expect([...copy.from('')]).toEqual([...map.from('')])
    expect(copy.size).toBe(1000)
    copy.set('key/5', -1)
    expect(copy.get('key/5')).toBe(-1)
    expect(() => {
      copy.append('key/1', 0)
    }).toThrow('keys out of order')
  })
})

test('the map keeps many keys that are added in any order', () => {
  const map = new OrderedMap<number>()
  const count = 20_000
  // A step that has no factor in common with the count reaches every number once.
  const names = Array.from({ length: count }, (_, index) => `key/${(index * 7919) % count}`)
  for (const [index, name] of names.entries()) map.set(name, index)
  expect([...map.from('')].map(([name]) => name)).toEqual([...names].sort())
  for (const name of names) map.delete(name)
  expect([...map.from('')]).toEqual([])
})
