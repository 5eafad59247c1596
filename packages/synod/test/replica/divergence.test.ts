import { describe, expect, test } from 'vitest'
import type { ApplyContext } from '../../src/machine/machine.js'
import { DIGEST_EVERY_SLOTS, type Disagreement, Divergence } from '../../src/replica/divergence.js'
import { checkQuarantine, rebuild, saveQuarantine } from '../../src/snapshots/quarantine.js'
import { DATA_DIR, World as SimulatedWorld } from '../../../testing/src/simulator/world.js'
import { MemoryDisk } from '../../../testing/src/simulator/hardware/disk.js'
import { Notes } from './notes.js'

class Rig {
  readonly diverged: Disagreement[] = []
  readonly disagreements: Disagreement[] = []
  readonly divergence: Divergence

  constructor(servers = 3) {
    this.divergence = new Divergence({
      servers: () => servers,
      onDiverged: (at) => this.diverged.push(at),
      onDisagreement: (at) => this.disagreements.push(at),
    })
  }
}

describe('digests at the same slot', () => {
  test('report nothing if they are equal, in any order', () => {
    const { diverged, disagreements, divergence } = new Rig()
    divergence.executed(256, 7)
    divergence.onDigest(2, 256, 7)
    divergence.onDigest(3, 512, 8)
    divergence.executed(512, 8)
    expect([diverged, disagreements]).toEqual([[], []])
  })

  test('show that this server is wrong if a majority agrees without it', () => {
    const { diverged, divergence } = new Rig()
    divergence.executed(256, 1)
    divergence.onDigest(2, 256, 1)
    divergence.onDigest(3, 256, 1)
    divergence.onDigest(2, 512, 2)
    divergence.executed(512, 9)
    expect(diverged).toEqual([])
    divergence.onDigest(3, 512, 2)
    expect(diverged).toEqual([{ slot: 512, agreed: 256, with: [2, 3] }])
  })

  test('do not show that this server is wrong if no other majority agrees', () => {
    const { diverged, disagreements, divergence } = new Rig(5)
    divergence.executed(256, 1)
    divergence.onDigest(2, 256, 2)
    divergence.onDigest(3, 256, 3)
    divergence.onDigest(4, 256, 3)
    divergence.onDigest(5, 256, 1)
    expect(diverged).toEqual([])
    expect(disagreements.map(({ with: others }) => others)).toEqual([[2], [2, 3], [2, 3, 4]])
    divergence.executed(512, 1)
    divergence.onDigest(2, 512, 2)
    expect(disagreements).toHaveLength(3)
  })

  test('are forgotten after many slots', () => {
    const { diverged, divergence } = new Rig()
    for (let slot = 1; slot <= 100; slot++) divergence.executed(slot, slot)
    for (const peer of [2, 3]) divergence.onDigest(peer, 1, 99)
    expect(diverged).toEqual([])
  })
})

/** Its state depends on something else than the commands. */
class DivergingNotes extends Notes {
  override apply(text: string, context: ApplyContext): number {
    return super.apply(text, context) + (text === 'trap' ? 1 : 0)
  }
}

async function clusterWith(wrong: number, snapshots = {}) {
  const world = new SimulatedWorld({
    machine: (id) => (id === wrong ? new DivergingNotes() : new Notes()),
    options: { snapshots },
  })
  await world.openAll()
  await world.ready()
  return world
}

type DivergingWorld = Awaited<ReturnType<typeof clusterWith>>

async function write(world: DivergingWorld, by: number, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await world.settled(world.replica(by).execute(`${i}`))
}

describe('a replica whose state machine has diverged', () => {
  test('stops, reports between which slots, and does not start again; the other servers go on', async () => {
    const world = await clusterWith(2)
    await write(world, 1, 10)
    await world.settled(world.replica(1).execute('trap'))
    await write(world, 1, DIGEST_EVERY_SLOTS)
    await world.run(() => world.server(2).fatal !== undefined)
    expect(world.server(2).fatal).toMatchObject({ code: 'diverged' })
    expect(world.server(2).fatal?.message).toContain(`between slots 0 and ${DIGEST_EVERY_SLOTS}`)
    world.kill(2)
    await expect(world.restart(2)).rejects.toMatchObject({ code: 'diverged' })
    await write(world, 3, 1)
    expect(world.running).toEqual([1, 3])
  })

  test('starts again after a rebuild, from the log or from the snapshot of a peer', async () => {
    for (const snapshots of [{}, { everySlots: 50, keepSlots: 0 }]) {
      const world = await clusterWith(2, snapshots)
      await world.settled(world.replica(1).execute('trap'))
      await write(world, 1, DIGEST_EVERY_SLOTS)
      await world.run(() => world.server(2).fatal !== undefined)
      world.kill(2)
      const { disk } = world.server(2)
      expect(await rebuild(disk, DATA_DIR)).toBe(true)
      await world.restart(2, { machine: new Notes() })
      await write(world, 1, DIGEST_EVERY_SLOTS)
      await world.run(() => world.status(2).watermarks.executed === world.status(1).watermarks.executed)
      expect(world.status(2).digest).toBe(world.status(1).digest)
      expect(world.server(2).fatal).toBeUndefined()
    }
  })

  test('logs a warning and goes on if only two servers disagree', async () => {
    const world = await clusterWith(2)
    world.kill(3)
    await world.settled(world.replica(1).execute('trap'))
    await write(world, 1, DIGEST_EVERY_SLOTS)
    await world.wait(1000)
    expect(world.running).toEqual([1, 2])
    for (const [id, other] of [
      [1, 2],
      [2, 1],
    ] as const) {
      const line = world.server(id).log.find((text) => text.includes('different states'))
      expect(line).toContain(
        `this replica and s${other} have come to different states at slot 256, after slot 0`,
      )
    }
  })
})

test('an unreadable quarantine file keeps the replica from starting', async () => {
  const disk = new MemoryDisk()
  await disk.makeDirectory('/data')
  await checkQuarantine(disk, '/data')
  await saveQuarantine(disk, '/data', { slot: 512, agreed: 256 })
  await expect(checkQuarantine(disk, '/data')).rejects.toThrow('between slots 256 and 512')
  disk.put('/data/diverged', Buffer.from('{"slot":1,"agreed":0,"crc32":1}'))
  await expect(checkQuarantine(disk, '/data')).rejects.toMatchObject({ code: 'diverged' })
  expect(await rebuild(disk, '/data')).toBe(true)
  expect(await rebuild(disk, '/data')).toBe(false)
  await checkQuarantine(disk, '/data')
})
