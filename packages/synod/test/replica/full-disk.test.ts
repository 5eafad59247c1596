import { describe, expect, test } from 'vitest'
import type { Mode } from '../../src/paxos/config.js'
import { type Options, World } from './world.js'

const FULL = { code: 'disk-full' }

async function formed(mode: Mode, options: Options = {}): Promise<World> {
  const world = await World.formed({ mode, options })
  await world.run(() => world.ids.every((id) => world.status(id).space.reservedBytes > 20_000))
  return world
}

/** Until all know of all that their disks are full. */
function untilAllFull(world: World): Promise<void> {
  return world.run(() =>
    world.ids.every((id) => {
      const { peers, space } = world.status(id)
      return space.state === 'full' && peers.every((peer) => peer.space === 'full')
    }),
  )
}

/** Until all know that there is space again. */
function untilNoneFull(world: World): Promise<void> {
  return world.run(() =>
    world.ids.every((id) => {
      const { peers, space } = world.status(id)
      return space.state !== 'full' && peers.every((peer) => peer.space !== 'full')
    }),
  )
}

describe.each(['leader', 'leaderless'] as const)('%s mode', (mode) => {
  test('a server with a full disk does not lead, and all servers take commands', async () => {
    const world = await formed(mode)
    const full = world.leader ?? 1
    world.server(full).disk.fill()
    await world.run(() => world.status(full).space.state === 'full')
    if (mode === 'leader') await world.run(() => world.leader !== undefined && world.leader !== full)
    for (const id of world.ids) await world.settled(world.replica(id).execute(`by s${id}`))
    const [other] = world.ids.filter((id) => id !== full)
    await world.run(() => world.status(other!).peers.some(({ space }) => space === 'full'))
    world.server(full).disk.clearFaults()
    await world.run(() => world.status(full).space.state === 'ample')
    await world.converged()
    expect(world.ids.map((id) => world.server(id).fatal)).toEqual([undefined, undefined, undefined])
  })

  test('with all disks full, writes are refused, and other operations work; writes resume when there is space', async () => {
    const world = await formed(mode)
    await world.settled(world.replica(1).execute('before'))
    for (const id of world.ids) world.server(id).disk.fill()
    await untilAllFull(world)
    const client = await world.connect()
    for (const id of world.ids) {
      await expect(world.settled(world.replica(id).execute('refused'))).rejects.toMatchObject(FULL)
      await world.settled(world.replica(id).execute(`free by s${id}`))
      expect(await world.settled(world.replica(id).read(0))).toContain('before')
      expect((await world.settled(world.replica(id).readStale(0))).answer).toContain('before')
    }
    await expect(world.settled(client.execute('refused'))).rejects.toMatchObject(FULL)
    await world.settled(client.execute('free by a client'))
    if (mode === 'leader') {
      const to = world.followers[0]!
      await world.settled(world.replica(1).transferLeadership({ to }))
      expect(world.leader).toBe(to)
    }
    for (const id of world.ids) world.server(id).disk.clearFaults()
    await untilNoneFull(world)
    await world.settled(client.execute('after'))
    await world.converged()
    expect(world.texts(1)).not.toContain('refused')
    await world.run(() => world.ids.every((id) => world.status(id).space.reservedBytes > 20_000))
  })

  test('a snapshot makes space on full disks, as the journal is trimmed', async () => {
    const world = await formed(mode, { snapshots: { everySlots: 40, everyBytes: 2 ** 40 } })
    for (let count = 0; count < 48; count++)
      await world.settled(world.replica(1).execute(`${count} ${'-'.repeat(500)}`))
    await world.converged()
    await world.run(() => world.ids.every((id) => world.status(id).space.reservedBytes > 45_000))
    for (const id of world.ids) world.server(id).disk.fill()
    await untilAllFull(world)
    await world.settled(world.replica(1).execute('free'))
    await untilNoneFull(world)
    await world.settled(world.replica(1).execute('after'))
  })
})

test('a leader with little disk space transfers the leadership, and goes on as a follower', async () => {
  const world = await formed('leader')
  const low = world.leader!
  world.server(low).disk.fill(20_000)
  await world.run(() => world.status(low).space.state === 'low')
  await world.run(() => world.leader !== undefined && world.leader !== low)
  await world.settled(world.replica(low).execute('as ever'))
})

test('servers with full disks restart, and use their reserve', async () => {
  const world = await formed('leader')
  for (const id of world.ids) world.server(id).disk.fill()
  await world.run(() => world.ids.every((id) => world.status(id).space.state === 'full'))
  for (const id of world.ids) world.crash(id)
  await world.openAll()
  await world.ready()
  await world.settled(world.replica(1).execute('free'))
})
