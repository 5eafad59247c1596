import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SnapshotMap } from '../../src/machine/snapshot-map.js'

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
const step = fc.record({
  key,
  value: fc.option(fc.nat(), { nil: undefined }),
  clear: fc.constantFrom(false, false, true),
})
const steps = fc.array(step, { maxLength: 60 })

describe('a snapshot of a map', () => {
  test('tells of the moment in which it was taken, whatever is changed while it is read', () => {
    fc.assert(
      fc.property(steps, steps, fc.nat(2), (before, during, pace) => {
        const map = new SnapshotMap<string, number>()
        const carryOut = ({ clear, key, value }: (typeof before)[number]) => {
          if (clear) map.clear()
          else if (value === undefined) map.delete(key)
          else map.set(key, value)
        }
        before.forEach(carryOut)
        const then = new Map(map)
        const snapshot = map.snapshot()
        const read = new Map<string, number>()
        const take = () => {
          const { done, value } = snapshot.next()
          if (done === true) return false
          expect(then.get(value[0])).toBe(value[1])
          read.set(...value)
          return true
        }
        for (const step of during) {
          for (let i = 0; i < pace; i++) take()
          carryOut(step)
        }
        while (take());
        expect(new Map([...read].sort())).toEqual(new Map([...then].sort()))
        expect(map.isViewed).toBe(false)
      }),
    )
  })

  test('keeps nothing once it was left, and ends when the next one is taken', () => {
    const map = new SnapshotMap([['a', 1]])
    for (const entry of map.snapshot()) {
      expect(entry).toEqual(['a', 1])
      expect(map.isViewed).toBe(true)
      break
    }
    expect(map.isViewed).toBe(false)
    const first = map.snapshot()
    expect(map.epoch).toBe(2)
    const second = map.snapshot()
    expect(() => first.next()).toThrow('a later snapshot has taken the place of this one')
    map.set('a', 2)
    expect([...second]).toEqual([['a', 1]])
  })
})
