import { describe, expect, test } from 'vitest'
import { Chance } from '../../../testing/src/chance.js'
import { NumberTable } from '../../src/replica/number-table.js'
import { forSeeds } from '../paxos/replay.js'

describe('a table of numbers', () => {
  test.each([
    ['numbers that grow', (chance: Chance, step: number) => step + chance.below(3)],
    ['any numbers', (chance: Chance) => chance.below(100)],
    ['numbers of which the low half is the same', (chance: Chance) => chance.below(100) * 2 ** 32 + 7],
    ['numbers that are far apart', (chance: Chance) => chance.below(40) * 2 ** 40],
  ])('holds what a Map holds: %s', (_, draw) => {
    forSeeds(import.meta.url, 50, (seed) => {
      const chance = new Chance(seed)
      const table = new NumberTable<string>()
      const map = new Map<number, string>()
      for (let step = 0; step < 500; step++) {
        const number = draw(chance, step)
        if (chance.happens(0.55)) {
          table.set(number, `${number} ${step}`)
          map.set(number, `${number} ${step}`)
        } else {
          const gone = chance.happens(0.5) ? number : ([...map.keys()][chance.below(map.size)] ?? number)
          expect(table.delete(gone)).toBe(map.delete(gone))
        }
        expect(table.size).toBe(map.size)
        const wrong = [number, ...map.keys()].filter((known) => table.get(known) !== map.get(known))
        expect(wrong).toEqual([])
      }
    })
  })

  test('takes out as many as are asked for, each once', () => {
    const table = new NumberTable<number>()
    for (let number = 0; number < 100; number++) table.set(number * 2 ** 31, number)
    const taken = [...table.take(30), ...table.take(60)]
    expect(table.size).toBe(10)
    taken.push(...table.take(1000))
    expect(taken.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, number) => number))
    expect(table.take(1)).toEqual([])
    expect(table.has(0)).toBe(false)
  })
})
