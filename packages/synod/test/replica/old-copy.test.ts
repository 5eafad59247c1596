import { describe, expect, test } from 'vitest'
import { saveOutdated } from '../../src/journal/outdated.js'
import type { ServerId } from '../../src/paxos/ballot.js'
import type { Mode } from '../../src/paxos/config.js'
import { DATA_DIR } from '../../../testing/src/simulator/world.js'
import { World } from './world.js'

/** Longer than it takes a position to be passed on. */
const PASSED_ON_MS = 1200

async function write(world: World, id: ServerId, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await world.settled(world.replica(id).execute(`from s${id}`))
}

function copyOf(world: World, id: ServerId): ReadonlyMap<string, Buffer> {
  return world.server(id).disk.snapshot(DATA_DIR)
}

function restoreCopy(world: World, id: ServerId, copy: ReadonlyMap<string, Buffer>): void {
  world.server(id).disk.restore(DATA_DIR, copy)
}

describe.each<Mode>(['leader', 'leaderless'])('in %s mode', (mode) => {
  test('a server that starts on an old copy of its directory is detected, and never votes again', async () => {
    const world = await World.formed({ mode })
    await write(world, 1, 5)
    const copy = copyOf(world, 2)
    await write(world, 1, 20)
    world.kill(2)
    restoreCopy(world, 2, copy)
    await world.restart(2)
    await world.run(() => world.server(2).fatal !== undefined)
    expect(world.server(2).fatal).toMatchObject({
      code: 'journal-damaged',
      message: expect.stringMatching(
        /it is an old copy: it ends with group \d+, and another server has heard of group \d+/,
      ),
    })
    world.kill(2)
    // The mark stays, also where no server is up that knows better.
    for (const id of [1, 3]) world.kill(id)
    await world.restart(2)
    await world.wait(2000)
    expect(world.status(2)).toMatchObject({ voting: false, recovery: 'outdated' })
    expect(world.status(2).damage).toContain('it is an old copy')
    // As one with a damaged journal, it learns from the others.
    for (const id of [1, 3]) await world.restart(id)
    await write(world, 1, 1)
    await world.run(() => world.texts(2).length === 26)
  })

  test('a server on an old copy is admitted if the copy lacks only slots learned from others', async () => {
    const world = await World.formed({ mode })
    await world.raised()
    await write(world, 1, 5)
    await world.run(() => world.texts(3).length === 5)
    const copy = copyOf(world, 3)
    for (const id of [1, 2]) world.partition(id, 3)
    await write(world, 1, 20)
    world.heal()
    await world.run(() => world.texts(3).length === 25)
    // It has told no server of the groups in which it keeps what it has learned.
    world.kill(3)
    restoreCopy(world, 3, copy)
    await world.restart(3)
    await world.run(() => world.status(3).admitted)
    await world.run(() => world.texts(3).length === 25)
    world.kill(2)
    await write(world, 1, 1)
    await world.run(() => world.texts(3).length === 26)
  })

  test('an old copy is detected by a server that heard of the newer group only from another server before a restart', async () => {
    const world = await World.formed({ mode })
    await write(world, 1, 5)
    const { leader = 1 } = world
    const [victim = 0, witness = 0] = world.ids.filter((id) => id !== leader)
    const copy = copyOf(world, victim)
    world.partition(victim, witness)
    await write(world, leader, 20)
    await world.wait(PASSED_ON_MS)
    // What was heard is durable with what is written next.
    await write(world, leader, 2)
    world.kill(victim)
    restoreCopy(world, victim, copy)
    world.kill(leader)
    world.crash(witness)
    world.heal()
    await world.restart(witness)
    await world.restart(victim)
    await world.run(() => world.server(victim).fatal !== undefined)
    expect(world.server(victim).fatal?.code).toBe('journal-damaged')
  })

  test('a server that starts alone takes no part, reports that, and begins when a quorum has welcomed it', async () => {
    const world = await World.formed({ mode })
    await write(world, 1, 5)
    for (const id of [1, 2, 3]) world.crash(id)
    await world.restart(1)
    await world.wait(3000)
    expect(world.status(1)).toMatchObject({ formed: true, admitted: false, ballot: { seq: 0 } })
    const before = world.server(1).disk.counts.writes
    await world.wait(3000)
    expect(world.server(1).disk.counts.writes).toBe(before)
    await world.restart(2)
    await world.run(() => world.status(1).admitted && world.status(2).admitted)
    await write(world, 1, 1)
    expect(world.texts(1)).toHaveLength(6)
  })

  test('a server on a complete copy is admitted', async () => {
    const world = await World.formed({ mode })
    await write(world, 1, 5)
    await world.wait(PASSED_ON_MS)
    world.kill(3)
    restoreCopy(world, 3, copyOf(world, 3))
    await world.restart(3)
    await world.run(() => world.status(3).admitted)
    await write(world, 1, 5)
    await world.converged()
  })

  test('the position increases over snapshots that trim the journal, and over restarts', async () => {
    const snapshots = { everySlots: 5, keepSlots: 0, chunkBytes: 100 }
    const world = await World.formed({ mode, options: { snapshots } })
    await write(world, 1, 5)
    const copy = copyOf(world, 2)
    for (let round = 0; round < 3; round++) {
      await write(world, 1, 20)
      world.crash(2)
      await world.restart(2)
      await world.run(() => world.status(2).admitted)
    }
    await write(world, 1, 5)
    world.kill(2)
    restoreCopy(world, 2, copy)
    await world.restart(2)
    await world.run(() => world.server(2).fatal !== undefined)
    expect(world.server(2).fatal?.message).toContain('it is an old copy')
  })
})

test('a damaged mark of an old copy counts as a mark', async () => {
  const world = await World.formed()
  world.kill(2)
  const { disk } = world.server(2)
  await saveOutdated(disk, DATA_DIR, { groupCount: 3, heard: 4 })
  disk.flip(`${DATA_DIR}/outdated`, 3, 1)
  await world.restart(2)
  expect(world.status(2)).toMatchObject({ voting: false, recovery: 'outdated' })
})
