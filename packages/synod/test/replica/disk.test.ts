import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Replica } from '../../src/replica/replica.js'
import { Notes } from './notes.js'
import { DATA_DIR } from '../../../testing/src/simulator/world.js'
import { World } from './world.js'

const MODES = ['leader', 'leaderless'] as const

function flipByte(world: World, id: number): void {
  const { disk } = world.server(id)
  const path = `${DATA_DIR}/00000001.journal`
  const bytes = disk.snapshot(DATA_DIR).get('00000001.journal')!
  // Zeros follow.
  const middle = bytes.findLastIndex((byte) => byte !== 0) >> 1
  bytes[middle]! ^= 0xff
  disk.put(path, bytes)
}

/** A cluster with something in its journals. */
async function used(mode: 'leader' | 'leaderless'): Promise<World> {
  const world = await World.formed({ mode })
  for (let count = 1; count <= 10; count++) await world.settled(world.replica(1).execute(`${count}`))
  await world.converged()
  return world
}

describe.each(MODES)('in %s mode, a flipped byte in the middle of a journal', (mode) => {
  async function damaged(): Promise<World> {
    const world = await used(mode)
    world.crash(3)
    flipByte(world, 3)
    await world.restart(3)
    return world
  }

  test('makes its server a learner, which reports what to do', async () => {
    const world = await damaged()
    expect(world.status(3)).toMatchObject({
      role: 'learner',
      voting: false,
      formed: true,
      journal: null,
      recovery: 'damaged-group',
    })
    expect(world.status(3).damage).toMatch(/does not vote any more.*let the server back into the cluster/s)
    expect(world.server(3).log.find((line) => line.startsWith('error:'))).toContain('cannot be used')
  })

  test('does not keep its server from learning, serving reads and forwarding proposals', async () => {
    const world = await damaged()
    const expected = Array.from({ length: 10 }, (_, index) => `${index + 1}`)
    expect(await world.settled(world.replica(3).read(0))).toEqual(expected)
    expect(await world.settled(world.replica(3).execute('by the learner'))).toBe(11)
    await world.settled(world.replica(1).execute('by another'))
    await world.converged()
    expect(world.texts(3)).toEqual([...expected, 'by the learner', 'by another'])
  })

  test('keeps its server out of quorums', async () => {
    const world = await damaged()
    const killed = world.leader ?? 2
    world.crash(killed)
    await world.wait(2000)
    const survivor = [1, 2].find((id) => id !== killed)!
    for (const id of [survivor, 3]) {
      const calls = [
        world.replica(id).execute('no', { timeoutMs: 3000 }),
        world.replica(id).read(0, { timeoutMs: 3000 }),
      ]
      for (const call of calls) call.catch(() => undefined)
      for (const call of calls) expect(await world.failure(call)).toMatchObject({ code: 'no-quorum' })
    }
    expect(world.leader).toBeUndefined()
    await world.restart(killed)
    await world.settled(world.replica(3).execute('yes'))
  })

  test('does not lose a proposal of its server that is cut off for a while', async () => {
    const world = await damaged()
    await world.settled(world.replica(3).execute('first'))
    world.isolate(3)
    const pending = world.replica(3).execute('second', { timeoutMs: 60_000 })
    pending.catch(() => undefined)
    await world.wait(3000)
    world.heal()
    expect(await world.settled(pending)).toBe(12)
  })

  test('is left in the directory as it is', async () => {
    const world = await used(mode)
    world.crash(3)
    flipByte(world, 3)
    const before = world.server(3).disk.snapshot(DATA_DIR)
    await world.restart(3)
    await world.settled(world.replica(3).execute('a'))
    await world.close(3)
    expect(world.server(3).disk.snapshot(DATA_DIR)).toEqual(before)
  })
})

describe.each(MODES)('in %s mode', (mode) => {
  test('a server with an emptied disk is refused, and fails; the other servers go on', async () => {
    const world = await used(mode)
    world.crash(3)
    world.emptyDisk(3)
    await world.restart(3)
    await world.run(() => world.server(3).fatal !== undefined)
    expect(world.server(3).fatal).toMatchObject({ code: 'wrong-acceptor' })
    expect(world.server(3).fatal?.message).toMatch(/was emptied or replaced/)
    expect(await world.settled(world.replica(1).execute('on'))).toBe(11)
    expect(world.running).toEqual([1, 2])
  })

  test('a lost journal makes its server a learner, as a damaged one does', async () => {
    const world = await used(mode)
    world.crash(3)
    const { disk } = world.server(3)
    await disk.remove(`${DATA_DIR}/00000001.journal`)
    await disk.syncDirectory(DATA_DIR)
    await world.restart(3)
    expect(world.status(3)).toMatchObject({ role: 'learner', recovery: 'missing-journal' })
    expect(await world.settled(world.replica(3).read(9))).toEqual(['10'])
  })

  test('a torn tail is cut off, and the server votes', async () => {
    const world = await used(mode)
    world.crash(3)
    const { disk } = world.server(3)
    const bytes = disk.snapshot(DATA_DIR).get('00000001.journal')!
    disk.put(`${DATA_DIR}/00000001.journal`, Buffer.concat([bytes, bytes.subarray(bytes.length >> 1, -1)]))
    await world.restart(3)
    expect(world.status(3)).toMatchObject({ voting: true, damage: null })
    world.crash(2)
    expect(await world.settled(world.replica(3).execute('votes'))).toBe(11)
  })

  test.each(['write', 'sync'] as const)(
    'a failed %s ends the replica, and no other replica',
    async (fault) => {
      const world = await used(mode)
      const failing = world.leader ?? 3
      const [other] = world.ids.filter((id) => id !== failing)
      world.server(failing).disk.failNext(fault)
      const call = world.replica(failing).execute('in doubt')
      call.catch(() => undefined)
      await world.run(() => world.server(failing).fatal !== undefined)
      expect(world.server(failing).fatal).toMatchObject({ code: 'journal-failed' })
      expect(await world.failure(call)).toMatchObject({ code: 'journal-failed' })
      expect(await world.failure(world.replica(failing).read(0))).toMatchObject({ code: 'journal-failed' })
      await world.settled(world.replica(other!).execute('the others go on'))
      expect(world.texts(other!)).toContain('the others go on')
      expect(world.texts(other!).filter((text) => text === 'in doubt').length).toBeLessThanOrEqual(1)
    },
  )

  test('a replica that failed can be closed, and started again on its directory', async () => {
    const world = await used(mode)
    world.server(3).disk.failNext('sync')
    world
      .replica(3)
      .execute('in doubt')
      .catch(() => undefined)
    await world.run(() => world.server(3).fatal !== undefined)
    await world.settled(world.replica(3).close())
    // No kill: the process is the same, so nothing but `close` has freed the directory.
    const release = await world.server(3).disk.lock(DATA_DIR)
    await release()
    world.crash(3)
    await world.restart(3)
    await world.settled(world.replica(3).execute('again'))
  })
})

test('a directory without an identity is refused as journal-damaged, and released', async () => {
  const world = await used('leader')
  world.crash(3)
  const { disk } = world.server(3)
  await disk.remove(`${DATA_DIR}/identity`)
  await disk.syncDirectory(DATA_DIR)
  expect(await world.failure(world.begin(3))).toMatchObject({ code: 'journal-damaged' })
  const release = await disk.lock(DATA_DIR)
  await release()
})

describe('on a real disk', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'synod-replica-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  test('two replicas cannot share a directory', async () => {
    const options = {
      id: 1,
      cluster: { servers: { 1: '127.0.0.1:0' } },
      dataDir: join(directory, 's1'),
      machine: new Notes(),
    }
    const replica = await Replica.open(options)
    expect(await replica.execute('a')).toBe(1)
    await expect(Replica.open({ ...options, machine: new Notes() })).rejects.toMatchObject({
      code: 'directory-in-use',
    })
    expect(await replica.execute('b')).toBe(2)
    await replica.close()
    await using again = await Replica.open({ ...options, machine: new Notes() })
    expect(await again.read(0)).toEqual(['a', 'b'])
  })
})
