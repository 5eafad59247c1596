import { describe, expect, it } from 'vitest'
import { Chance } from '../../src/chance.js'
import { MemoryFile, SECTOR_BYTES } from '../../src/simulator/hardware/file.js'
import { forSeeds } from '../../../synod/test/paxos/replay.js'

const MOST_BYTES = 5 * SECTOR_BYTES

/** Writes, cuts and extends the file, now and then with a sync. */
function change(file: MemoryFile, chance: Chance): void {
  const dice = chance.next()
  if (dice < 0.6) {
    const bytes = Buffer.alloc(1 + chance.below(2 * SECTOR_BYTES), 1 + chance.below(255))
    file.write(bytes, chance.below(MOST_BYTES))
  } else if (dice < 0.8) {
    file.truncate(chance.below(MOST_BYTES))
  } else {
    file.toPlatter(file.takeDirty())
  }
}

describe('a power failure', () => {
  it('leaves in each sector the synced or a later content, and any bytes after the end', () => {
    forSeeds(import.meta.url, 1000, (seed) => {
      const chance = new Chance(seed)
      const file = new MemoryFile()
      for (let life = 0; life < 3; life++) {
        for (let n = chance.below(8); n > 0; n--) change(file, chance)
        const synced = Buffer.from(file.durable)
        const seen = Buffer.from(file.content)
        file.crash(() => chance.next())
        expect(file.content.equals(file.durable)).toBe(true)
        expectAllowed(Buffer.from(file.content), synced, seen)
      }
    })
  })

  it('leaves the synced content if nothing was written later', () => {
    forSeeds(import.meta.url, 300, (seed) => {
      const chance = new Chance(seed)
      const file = new MemoryFile()
      for (let n = 0; n < 10; n++) change(file, chance)
      file.toPlatter(file.takeDirty())
      const seen = Buffer.from(file.content)
      expect(file.durable.equals(seen), 'the platter').toBe(true)
      file.crash(() => chance.next())
      expect(file.content.equals(seen), 'what is left').toBe(true)
    })
  })

  it('may leave old, new, zero or random bytes in a sector, and any size', () => {
    const inside = new Set<string>()
    const beyond = new Set<string>()
    const sizes = new Set<number>()
    for (let seed = 1; seed <= 200; seed++) {
      const chance = new Chance(seed)
      const file = new MemoryFile(Buffer.alloc(SECTOR_BYTES, 'o'))
      file.write(Buffer.alloc(3 * SECTOR_BYTES, 'n'), 0)
      file.crash(() => chance.next())
      inside.add(kindOf(file.content.subarray(0, SECTOR_BYTES)))
      beyond.add(kindOf(file.content.subarray(SECTOR_BYTES, 2 * SECTOR_BYTES)))
      sizes.add(file.content.length)
    }
    expect([...inside].sort()).toEqual(['new', 'old'])
    expect([...beyond].sort()).toEqual(['garbage', 'new', 'nothing', 'zeros'])
    expect(sizes.size).toBeGreaterThan(20)
  })

  it('leaves any size between both when a file was cut', () => {
    const sizes = new Set<number>()
    for (let seed = 1; seed <= 200; seed++) {
      const chance = new Chance(seed)
      const file = new MemoryFile(Buffer.alloc(1000, 'o'))
      file.truncate(10)
      file.crash(() => chance.next())
      expect(file.content.toString()).toBe('o'.repeat(file.content.length))
      sizes.add(file.content.length)
    }
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(10)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1000)
    expect(sizes.size).toBeGreaterThan(20)
  })
})

it('a sync makes durable what was written before it began', () => {
  const file = new MemoryFile()
  file.write(Buffer.from('before'), 0)
  const dirty = file.takeDirty()
  file.write(Buffer.from('after!'), 0)
  file.toPlatter(dirty)
  expect([file.durable.toString(), file.content.toString()]).toEqual(['before', 'after!'])
})

it('a file that is cut and extended reads as zeros, also after a power failure', () => {
  const file = new MemoryFile(Buffer.from('what was here'))
  file.truncate(4)
  file.truncate(8)
  expect(file.content.toString()).toBe('what\0\0\0\0')
  file.toPlatter(file.takeDirty())
  file.crash(() => 0.99)
  expect(file.content.toString()).toBe('what\0\0\0\0')
})

it('a flipped bit is flipped on the platter and in the cache', () => {
  const file = new MemoryFile(Buffer.from([0, 0]))
  file.flip(1, 3)
  for (const bytes of [file.content, file.durable]) expect([...bytes]).toEqual([0, 8])
})

/**
 * What a power failure may make of a file whose platter held `synced` and that was read as `seen`.
 */
function expectAllowed(after: Buffer, synced: Buffer, seen: Buffer): void {
  expect(after.length).toBeGreaterThanOrEqual(Math.min(synced.length, seen.length))
  expect(after.length).toBeLessThanOrEqual(Math.max(synced.length, seen.length))
  for (let at = 0; at < Math.min(after.length, synced.length); at += SECTOR_BYTES) {
    const end = Math.min(at + SECTOR_BYTES, after.length)
    const old = Buffer.alloc(end - at)
    synced.copy(old, 0, at, Math.min(end, synced.length))
    const renewed = Buffer.from(old)
    renewed.set(seen.subarray(at, end))
    const left = after.subarray(at, end)
    expect(left.equals(old) || left.equals(renewed), `the sector at ${at}`).toBe(true)
  }
}

function kindOf(sector: Buffer): string {
  const kinds: Record<string, string> = { o: 'old', n: 'new', '\0': 'zeros' }
  const [first = ''] = sector.toString('latin1')
  if (first === '') return 'nothing'
  const isOne = sector.equals(Buffer.alloc(sector.length, first, 'latin1'))
  // A sector of which a single byte is left may look like any kind.
  return sector.length < 10 ? 'nothing' : isOne ? (kinds[first] ?? 'garbage') : 'garbage'
}
