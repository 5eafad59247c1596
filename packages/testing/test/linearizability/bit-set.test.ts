import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BitSet } from '../../src/linearizability/bit-set.js'
import { checkProperty } from '../../../synod/test/paxos/replay.js'

test('keys are equal exactly if the sets are, however they were built', () => {
  const changes = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 69 })), { maxLength: 60 })
  const property = fc.property(
    fc.array(changes, { minLength: 2, maxLength: 6 }),
    fc.integer({ min: 0, max: 70 }),
    (lists, full) => {
      const keys = new Map<string, string>()
      for (const list of lists) {
        const bits = new BitSet(70)
        const set = new Set<number>()
        for (let number = 0; number < full; number++) {
          bits.add(number)
          set.add(number)
        }
        for (const [isAdded, number] of list) {
          if (isAdded) bits.add(number)
          else bits.delete(number)
          if (isAdded) set.add(number)
          else set.delete(number)
          const members = [...set].sort((a, b) => a - b).join()
          expect(keys.get(bits.key()) ?? members).toBe(members)
          keys.set(bits.key(), members)
        }
      }
      expect(new Set(keys.values()).size).toBe(keys.size)
    },
  )
  checkProperty(import.meta.url, property)
})

test('the key of a long prefix is short', () => {
  const bits = new BitSet(10_000)
  for (let number = 0; number < 9000; number++) bits.add(number)
  bits.add(9005)
  expect(bits.key().length).toBeLessThan(5)
})
