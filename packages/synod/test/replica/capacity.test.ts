import { expect, test } from 'vitest'
import { OWN_PROCESS, Capacity } from '../../src/replica/capacity.js'

/** 1000 things of 1000 bytes together, and what takes as much of it as one owner may have. */
function rig() {
  const capacity = new Capacity('things', 1000, 1000)
  const enter = (owner: object, bytes = 0) => {
    capacity.check(owner, bytes, 0)
    capacity.enter(owner, bytes, 0)
  }
  const fill = (owner: object) => {
    for (let count = 0; ; count++) {
      try {
        enter(owner)
      } catch (error) {
        expect(error).toMatchObject({ code: 'overloaded', retryAfterMs: 1000 })
        return count
      }
    }
  }
  return { enter, fill, capacity }
}

test('the own process may use the whole capacity, and is then refused with a delay', () => {
  const { fill, capacity } = rig()
  expect(fill(OWN_PROCESS)).toBe(1000)
  expect(() => {
    capacity.check(OWN_PROCESS, 1, 0)
  }).toThrow('1000 things of 0 bytes wait already: try again in 1000 ms')
})

test('each client gets half of the capacity that is left', () => {
  const { fill } = rig()
  expect(['a', 'b', 'c'].map((name) => fill({ name }))).toEqual([500, 250, 125])
})

test('a hundred greedy clients leave capacity for a client with few requests', () => {
  const { enter, fill, capacity } = rig()
  for (let number = 0; number < 100; number++) fill({ number })
  expect(capacity.size).toBeGreaterThan(1000)
  const modest = { name: 'modest' }
  for (let count = 0; count < 16; count++) enter(modest)
  expect(() => {
    enter(modest)
  }).toThrow('16 things of this client wait already')
  expect(() => {
    enter(OWN_PROCESS)
  }).toThrow('bytes wait already')
})

test('the bytes of all clients are limited', () => {
  const { enter } = rig()
  enter({}, 600)
  expect(() => {
    enter({}, 401)
  }).toThrow('1 things of 600 bytes wait already')
  enter({}, 400)
})

test('a request that ends frees its capacity', () => {
  const { enter, fill, capacity } = rig()
  const owner = {}
  const count = fill(owner)
  for (let left = 0; left < count; left++) capacity.leave(owner, 0)
  expect(capacity.size).toBe(0)
  expect(fill(owner)).toBe(count)
  capacity.leave(owner, 0)
  enter(owner)
})
