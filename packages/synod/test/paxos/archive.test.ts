import { expect, test } from 'vitest'
import { Chance } from '../../../testing/src/chance.js'
import { Archive, type ArchivedValue } from '../../src/paxos/archive.js'
import { forSeeds } from './replay.js'

const BLOCK_BYTES = 1024

const filled = (sizeBytes: number, byte: number) => new Uint8Array(sizeBytes).fill(byte)

test('gives back what was put in, until it is dropped, in memory that is used again', () => {
  forSeeds(import.meta.url, 20, (seed) => {
    const chance = new Chance(seed)
    const archive = new Archive(BLOCK_BYTES)
    const held = new Map<number, { readonly place: ArchivedValue; readonly value: Uint8Array }>()
    const memory = new Set<Uint8Array>()
    let dropped = 0
    for (let slot = 1; slot <= 3000; slot++) {
      const size = chance.below(chance.happens(0.05) ? 3 * BLOCK_BYTES : BLOCK_BYTES / 4)
      const value = filled(size + 8, slot)
        .subarray(chance.below(9))
        .subarray(0, size)
      const place = archive.put(slot, value)
      held.set(slot, { place, value })
      memory.add(place.bytes)
      if (chance.happens(0.1)) {
        dropped = Math.max(dropped, slot - chance.below(20))
        archive.drop(dropped)
      }
      for (const each of held.keys()) if (each <= dropped) held.delete(each)
      const wrong = [...held].filter(
        ([, { place, value }]) => Buffer.compare(archive.read(place), value) !== 0,
      )
      expect(wrong).toEqual([])
    }
    const blocks = [...memory].filter(({ length }) => length === BLOCK_BYTES)
    expect(blocks.length).toBeLessThan(60)
  })
})

test('hands out copies', () => {
  const archive = new Archive(BLOCK_BYTES)
  const place = archive.put(1, filled(3, 1))
  archive.read(place).fill(9)
  expect(archive.read(place)).toEqual(filled(3, 1))
})
