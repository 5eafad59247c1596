import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OrderedKeys } from '../../src/kv/ordered-keys.js'

test('it is a sorted set, however its runs split and merge', () => {
  const key = fc.string({
    minLength: 1,
    maxLength: 2,
    unit: fc.constantFrom('a', 'b', 'c', 'd', 'e', '\0', '\uffff'),
  })
  const step = fc.record({ key, add: fc.boolean() })
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      key,
      fc.integer({ min: 2, max: 8 }),
      (steps, start, maxRun) => {
        const keys = new OrderedKeys(maxRun)
        const model = new Set<string>()
        for (const { add, key } of steps) {
          if (add === model.has(key)) continue
          if (add) {
            keys.add(key)
            model.add(key)
          } else {
            keys.delete(key)
            model.delete(key)
          }
        }
        const sorted = [...model].sort()
        expect([...keys.from('')]).toEqual(sorted)
        expect([...keys.from(start)]).toEqual(sorted.filter((each) => each >= start))
      },
    ),
  )
})

test('it holds many keys, added in any order', () => {
  const keys = new OrderedKeys()
  const count = 20_000
  // A step that has no factor in common with the count reaches every number once.
  const names = Array.from({ length: count }, (_, index) => `key/${(index * 7919) % count}`)
  for (const name of names) keys.add(name)
  expect([...keys.from('')]).toEqual([...names].sort())
  for (const name of names) keys.delete(name)
  expect([...keys.from('')]).toEqual([])
})
