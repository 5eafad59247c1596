import { expect, test } from 'vitest'
import { Chance } from '../../src/chance.js'
import { TupleTable } from '../../src/model/tuple-table.js'
import { forSeeds } from '../../../synod/test/paxos/replay.js'

test('tuples are numbered once each, in the order in which they were added', () => {
  forSeeds(import.meta.url, 5, (seed) => {
    const chance = new Chance(seed)
    const width = 1 + chance.below(4)
    const table = new TupleTable(width)
    const numbers = new Map<string, number>()
    for (let i = 0; i < 3000; i++) {
      const tuple = Int32Array.from({ length: width }, () => chance.below(12) - 2)
      const number = numbers.get(tuple.join()) ?? numbers.size
      numbers.set(tuple.join(), number)
      expect(table.add(tuple)).toBe(number)
      expect(table.size).toBe(numbers.size)
    }
    const into = new Int32Array(width)
    for (const [tuple, number] of numbers) {
      table.read(number, into)
      expect(into.join()).toBe(tuple)
    }
  })
})
