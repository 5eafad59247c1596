import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SnapshotMap } from '../../src/machine/snapshot-map.js'

const KEYS = 150

/** Few keys at once, or more than it takes for the holes that they leave to be closed. */
const count = fc.oneof(fc.nat(3), fc.nat(KEYS))
const step = fc.record({
  type: fc.constantFrom('set', 'set', 'set', 'delete', 'delete', 'delete', 'clear'),
  first: fc.nat(KEYS),
  count,
})
const steps = fc.array(step, { maxLength: 40 })

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** A SnapshotMap and a Map to which the same is done. */
class MapAndModel {
  readonly map = new SnapshotMap<number, number>()
  readonly model = new Map<number, number>()
  #value = 0

  apply({ count, first, type }: Step): void {
    const { map, model } = this
    for (let key = first; key <= first + count; key++) {
      this.#value++
      if (type === 'delete') expect(map.delete(key)).toBe(model.delete(key))
      else if (type === 'set') for (const each of [map, model]) each.set(key, this.#value)
      else for (const each of [map, model]) each.clear()
      expect([map.has(key), map.get(key)]).toEqual([model.has(key), model.get(key)])
    }
    expect(map.size).toBe(model.size)
  }
}

test('a SnapshotMap behaves as a Map, also if it is changed while it is read', () => {
  fc.assert(
    fc.property(steps, steps, fc.nat(40), (before, during, pace) => {
      const both = new MapAndModel()
      for (const step of before) both.apply(step)
      const readers = [both.map.entries(), both.model.entries()]
      const read = (times: number): void => {
        for (let i = 0; i < times; i++) {
          const [ours, theirs] = readers.map((reader) => reader.next())
          expect(ours).toEqual(theirs)
        }
      }
      for (const step of during) {
        read(pace)
        both.apply(step)
      }
      read(3 * KEYS)
      const { map, model } = both
      expect([...map]).toEqual([...model])
      expect([...map.keys()]).toEqual([...model.keys()])
      expect([...map.values()]).toEqual([...model.values()])
    }),
  )
})

describe('a snapshot of a map', () => {
  test('yields each entry once, in order, as of its beginning, also if the map changes meanwhile', () => {
    fc.assert(
      fc.property(steps, steps, fc.nat(40), (before, during, pace) => {
        const both = new MapAndModel()
        for (const step of before) both.apply(step)
        const then = [...both.model]
        const snapshot = both.map.snapshot()
        const read: [number, number][] = []
        const take = () => {
          const { done, value } = snapshot.next()
          if (done !== true) read.push(value)
          return done !== true
        }
        for (const step of during) {
          for (let i = 0; i < pace; i++) take()
          both.apply(step)
        }
        while (take());
        expect(read).toEqual(then)
        expect(both.map.isViewed).toBe(false)
        expect([...both.map]).toEqual([...both.model])
      }),
    )
  })

  test('retains nothing after it is abandoned, and ends when the next one is taken', () => {
    const map = new SnapshotMap([['a', 1]])
    for (const entry of map.snapshot()) {
      expect(entry).toEqual(['a', 1])
      expect(map.isViewed).toBe(true)
      break
    }
    expect(map.isViewed).toBe(false)
    map.snapshot().return?.()
    expect(map.isViewed).toBe(false)
    const first = map.snapshot()
    expect(map.epoch).toBe(3)
    const second = map.snapshot()
    expect(() => first.next()).toThrow('a later snapshot has taken the place of this one')
    first.return?.()
    map.set('a', 2)
    expect([...second]).toEqual([['a', 1]])
    expect(map.isViewed).toBe(false)
  })
})
