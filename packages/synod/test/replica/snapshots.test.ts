import { describe, expect, test } from 'vitest'
import type { ServerId } from '../../src/paxos/ballot.js'
import { checkWatermarks } from '../../src/paxos/invariants.js'
import { snapshotSlots } from '../../src/snapshots/snapshot-store.js'
import { segmentNumbers } from '../../src/journal/segment.js'
import { DATA_DIR } from '../../../testing/src/simulator/world.js'
import { type Note, Notes } from './notes.js'
import { World } from './world.js'

const MODES = ['leader', 'leaderless'] as const
const OFTEN = { everySlots: 10, keepSlots: 0, chunkBytes: 100 }

async function clusterOf(mode: (typeof MODES)[number], snapshots: object = OFTEN): Promise<World> {
  return World.formed({ mode, options: { snapshots } })
}

async function write(world: World, by: ServerId, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await world.settled(world.replica(by).execute(`${by}.${i}`))
}

async function files(world: World, id: ServerId): Promise<string[]> {
  return world.server(id).disk.list(DATA_DIR)
}

/** The log of a server has such a line. */
function said(world: World, id: ServerId, text: string): boolean {
  return world.server(id).log.some((line) => line.includes(text))
}

describe.each(MODES)('in %s mode', (mode) => {
  test('a replica takes snapshots, keeps the newest, and trims its journal', async () => {
    const world = await clusterOf(mode)
    await write(world, 1, 75)
    await world.converged()
    for (const id of world.ids) {
      const { watermarks, snapshot } = world.status(id)
      expect(snapshot.slot).toBeGreaterThan(40)
      expect(watermarks.snapshotted).toBe(snapshot.slot)
      expect(snapshotSlots(await files(world, id))).toEqual([snapshot.slot])
      expect(segmentNumbers(await files(world, id)).length).toBeLessThanOrEqual(3)
    }
  })

  test('the replicas of a cluster take their snapshots at different slots', async () => {
    const world = await clusterOf(mode, { ...OFTEN, everySlots: 60 })
    await write(world, 1, 100)
    await world.converged()
    const slots = world.ids.map((id) => world.status(id).snapshot.slot)
    expect(Math.min(...slots)).toBeGreaterThanOrEqual(60)
    expect(Math.max(...slots)).toBeLessThanOrEqual(92)
    expect(new Set(slots).size).toBe(3)
  })

  test('a replica restarts from its snapshot and the later slots, with its sessions', async () => {
    const world = await clusterOf(mode)
    await write(world, 1, 25)
    await world.converged()
    const before = world.status(2)
    world.crash(2)
    await world.restart(2)
    expect(world.status(2).snapshot.found).toMatch(/sound|ahead/)
    await world.converged()
    await write(world, 2, 1)
    await world.converged()
    expect(world.texts(2)).toEqual(world.texts(1))
    expect(world.texts(2).length).toBe(26)
    expect(world.status(2).sessions).toBe(before.sessions + 1)
  })

  test('the watermarks of a replica that waits to be admitted are in order, even if its snapshot is ahead of its journal', async () => {
    const world = await clusterOf(mode)
    world.crash(3)
    await write(world, 1, 25)
    await world.open(3)
    // What it trims is not durable yet.
    await world.run(() => said(world, 3, 'goes on from the snapshot'))
    for (const id of world.ids) world.crash(id)
    await world.open(3)
    const { admitted, watermarks } = world.status(3)
    expect(admitted).toBe(false)
    expect(watermarks.snapshotted).toBeGreaterThan(0)
    checkWatermarks(watermarks)
  })

  test('replicas that are all killed at any time keep every acknowledged command', async () => {
    const world = await clusterOf(mode)
    for (let round = 0; round < 5; round++) {
      await write(world, 1, 7 + round)
      for (const id of world.ids) world.crash(id, world.random)
      await world.openAll()
      await world.ready()
    }
    await write(world, 1, 1)
    await world.converged()
    expect(world.texts(3).length).toBe(7 + 8 + 9 + 10 + 11 + 1)
  })

  test('a replica that missed trimmed slots gets a snapshot, and then the later slots', async () => {
    const world = await clusterOf(mode)
    await write(world, 1, 5)
    await world.converged()
    world.kill(3)
    await write(world, 1, 60)
    await world.restart(3)
    await write(world, 1, 30)
    await world.converged()
    expect(world.texts(3)).toEqual(world.texts(1))
    expect(said(world, 3, 'goes on from the snapshot of slot')).toBe(true)
    expect(world.status(3).watermarks.executed).toBe(world.status(1).watermarks.executed)
    await write(world, 3, 1)
    await world.converged()
  })

  test('PITFALL 21: a server that is down for good keeps no other from trimming', async () => {
    const world = await clusterOf(mode)
    world.kill(3)
    await write(world, 1, 100)
    for (const id of [1, 2]) {
      const { watermarks, journal, snapshot } = world.status(id)
      expect(watermarks.executed - snapshot.slot).toBeLessThan(60)
      let leftBytes = 0
      for (const [name, content] of world.server(id).disk.snapshot(DATA_DIR))
        if (name.endsWith('.journal')) leftBytes += content.length
      expect(leftBytes).toBeLessThan(0.8 * (journal?.bytes ?? 0))
      expect(segmentNumbers(await files(world, id)).length).toBeLessThanOrEqual(3)
    }
  })

  test('the transfer of a snapshot continues after its connection broke', async () => {
    const world = await clusterOf(mode, { ...OFTEN, everySlots: 40 })
    world.kill(3)
    await write(world, 1, 90)
    await world.restart(3)
    await world.run(() => (world.status(3).snapshot.arriving?.arrivedBytes ?? 0) > 1000)
    const { arriving } = world.status(3).snapshot
    world.breakConnections(3, arriving!.from)
    await world.run(() => world.status(3).snapshot.arriving === null)
    const started = world.server(3).log.filter((line) => line.includes('needs a snapshot'))
    expect(started.length).toBe(1)
    await world.converged()
    expect(world.texts(3)).toEqual(world.texts(1))
  })

  test('another peer sends the snapshot if the first one falls silent', async () => {
    const world = await clusterOf(mode, { ...OFTEN, everySlots: 40 })
    world.kill(3)
    await write(world, 1, 90)
    await world.restart(3)
    await world.run(() => (world.status(3).snapshot.arriving?.arrivedBytes ?? 0) > 1000)
    const { from } = world.status(3).snapshot.arriving!
    world.partition(3, from)
    await world.run(() => world.status(3).snapshot.arriving === null, 30_000)
    expect(said(world, 3, `asks s${3 - from}`)).toBe(true)
    expect(said(world, 3, 'goes on from the snapshot of slot')).toBe(true)
  })

  test('PITFALL 16: no crash while a snapshot is installed loses state', async () => {
    for (let changes = 0; changes < 40; changes += 3) {
      const world = await World.formed({ mode, seed: changes + 1, options: { snapshots: OFTEN } })
      world.kill(3)
      await write(world, 1, 40)
      await world.restart(3)
      world.server(3).disk.dieAfter(changes)
      await world.wait(200)
      world.crash(3, world.random)
      await world.restart(3)
      await write(world, 1, 1)
      await world.converged()
      expect(world.texts(3)).toEqual(world.texts(1))
    }
  })

  test('a damaged snapshot is replaced by that of a peer', async () => {
    const world = await clusterOf(mode)
    await write(world, 1, 35)
    await world.converged()
    world.kill(2)
    const { disk } = world.server(2)
    const name = (await disk.list(DATA_DIR)).find((name) => name.endsWith('.snapshot'))!
    disk.flip(`${DATA_DIR}/${name}`, 150, 3)
    await world.restart(2)
    expect(world.status(2).snapshot.found).toBe('damaged')
    expect(world.status(2).voting).toBe(true)
    await write(world, 1, 1)
    await world.converged()
    expect(world.texts(2)).toEqual(world.texts(1))
  })

  test('PITFALL 17: a replica without its snapshot file or with a damaged journal gets the state from a peer', async () => {
    const world = await clusterOf(mode)
    await write(world, 1, 35)
    await world.converged()
    for (const id of [2, 3]) world.kill(id)
    const [second, third] = [world.server(2).disk, world.server(3).disk]
    await second.remove(
      `${DATA_DIR}/${(await second.list(DATA_DIR)).find((name) => name.endsWith('.snapshot'))!}`,
    )
    await world.restart(2)
    expect(world.status(2).snapshot.found).toBe('missing')
    const newest = segmentNumbers(await third.list(DATA_DIR)).at(0)!
    third.flip(`${DATA_DIR}/${String(newest).padStart(8, '0')}.journal`, 20, 1)
    await third.remove(
      `${DATA_DIR}/${(await third.list(DATA_DIR)).find((name) => name.endsWith('.snapshot'))!}`,
    )
    await world.restart(3)
    expect(world.status(3).voting).toBe(false)
    await write(world, 1, 1)
    await world.converged()
    for (const id of [2, 3]) expect(world.texts(id)).toEqual(world.texts(1))
  })

  test('reads wait while the state is replaced', async () => {
    const world = await clusterOf(mode)
    world.kill(3)
    await write(world, 1, 40)
    await world.restart(3)
    const seen: number[] = []
    const reading = async () => {
      while (seen.at(-1) !== 40) {
        seen.push((await world.replica(3).readStale(0)).answer.length)
        await new Promise<void>((done) => world.clock.timer(5, done))
      }
    }
    await world.settled(reading())
    await world.converged()
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect(seen.at(-1)).toBe(40)
  })

  test('PITFALL 22: no client sees a partly replaced state', async () => {
    const world = await clusterOf(mode)
    class SlowRestore extends Notes {
      override async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
        this.notes.length = 0
        for await (const chunk of chunks) {
          await new Promise<void>((done) => world.clock.timer(5, done))
          this.notes.push(JSON.parse(Buffer.from(chunk).toString()) as Note)
        }
      }
    }
    world.kill(3)
    await write(world, 1, 40)
    await world.restart(3, { machine: new SlowRestore() })
    const seen = new Set<number>()
    const reading = async () => {
      while (!seen.has(40)) {
        seen.add((await world.replica(3).readStale(0)).answer.length)
        await new Promise<void>((done) => world.clock.timer(1, done))
      }
    }
    await world.settled(reading())
    // Before, and with all of the snapshot.
    expect([...seen].filter((count) => count > 0 && count < 20)).toEqual([])
  })

  test('a replica without disk space for a snapshot goes on, and takes it later', async () => {
    const world = await clusterOf(mode)
    const { disk } = world.server(2)
    const open = disk.open.bind(disk)
    disk.open = (path, how) =>
      path.endsWith('snapshot.new') ? Promise.reject(new Error('ENOSPC: no space left')) : open(path, how)
    await write(world, 1, 30)
    await world.converged()
    expect(said(world, 2, 'could not be written: ENOSPC')).toBe(true)
    expect(world.status(2).snapshot.slot).toBe(0)
    disk.open = open
    await world.wait(10_000)
    await write(world, 1, 2)
    await world.run(() => world.status(2).snapshot.slot > 0)
  })
})

test('a snapshot that is complete when the state has come further does not put it back', async () => {
  const world = await clusterOf('leader')
  const leader = world.leader!
  const [other, late] = world.ids.filter((id) => id !== leader) as [ServerId, ServerId]
  // It keeps the whole log.
  const { disk } = world.server(other)
  const open = disk.open.bind(disk)
  disk.open = (path, how) =>
    path.endsWith('snapshot.new') ? Promise.reject(new Error('ENOSPC: no space left')) : open(path, how)
  world.kill(late)
  await write(world, leader, 60)

  const lateDisk = world.server(late).disk
  const rename = lateDisk.rename.bind(lateDisk)
  let complete: (() => void) | undefined
  lateDisk.rename = async (from, to) => {
    if (to.endsWith('.snapshot')) await new Promise<void>((done) => (complete = done))
    await rename(from, to)
  }
  // It takes none of its own.
  await world.restart(late, { snapshots: { ...OFTEN, everySlots: 1000 } })
  await world.run(() => complete !== undefined)
  world.kill(leader)
  await world.run(() => world.texts(late).length === 60)
  const { executed } = world.status(late).watermarks
  complete?.()
  await world.run(() => said(world, late, 'goes on from the snapshot of slot'))
  expect(world.status(late).watermarks.executed).toBeGreaterThanOrEqual(executed)
})

test('a state machine without snapshots keeps its whole log', async () => {
  class WithoutSnapshots extends Notes {
    override snapshot = undefined as unknown as () => Iterable<Uint8Array>
    override restore = undefined as unknown as () => Promise<void>
  }
  const world = await World.formed({ options: { snapshots: OFTEN, machine: new WithoutSnapshots() } })
  for (const id of world.ids) expect(world.status(id).snapshot.slot).toBe(0)
  await write(world, 1, 30)
  expect(world.status(1).snapshot.slot).toBe(0)
})

test('an error of a state machine in restore stops the start, and is reported', async () => {
  class FailingRestore extends Notes {
    override async restore(): Promise<void> {
      throw new Error('made by an older version')
    }
  }
  const world = await clusterOf('leader')
  await write(world, 1, 30)
  world.kill(2)
  await expect(world.restart(2, { machine: new FailingRestore() })).rejects.toMatchObject({
    code: 'restore-failed',
    message: expect.stringContaining('made by an older version') as string,
  })
})
