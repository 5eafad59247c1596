import { describe, expect, test } from 'vitest'
import type { ServerId } from '../../src/paxos/ballot.js'
import { clientAddressOf, peerAddressOf } from '../../../testing/src/simulator/world.js'
import type { MembershipChange } from '../../src/machine/membership-change.js'
import { type Options, World } from './world.js'

const MODES = ['leader', 'leaderless'] as const

async function clusterOf(mode: (typeof MODES)[number], servers = 3, options: Options = {}): Promise<World> {
  return World.formed({ mode, servers, options })
}

async function write(world: World, by: ServerId, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await world.settled(world.replica(by).execute(`${by}.${i}`))
}

/** Adds a server to the cluster, through `by`, and starts it. */
async function add(world: World, by: ServerId, id: ServerId, replaces?: ServerId): Promise<void> {
  const more = replaces === undefined ? {} : { replaces }
  await world.settled(world.replica(by).changeMembership({ add: id, address: peerAddressOf(id), ...more }))
  world.add(id)
  await world.open(id)
}

function voters(world: World, id: ServerId): ServerId[] {
  const { members } = world.status(id)
  return members.filter(({ role }) => role === 'voter').map(({ server }) => server)
}

/** Waits until these vote, as all of them see it. */
async function votersAre(world: World, ids: readonly ServerId[]): Promise<void> {
  const all = String([...ids].sort((a, b) => a - b))
  await world.run(() => ids.every((id) => String([...voters(world, id)].sort((a, b) => a - b)) === all))
  await world.run(() => ids.every((id) => world.status(id).role !== 'learner'))
}

describe.each(MODES)('in %s mode', (mode) => {
  test('an added server learns, becomes a voter when it has caught up, and counts from then on', async () => {
    const world = await clusterOf(mode)
    await write(world, 1, 20)
    await add(world, 2, 4)
    await votersAre(world, [1, 2, 3, 4])
    await world.converged()
    expect(world.texts(4)).toEqual(world.texts(1))
    // Three of four are a quorum, and two are not.
    world.kill(1)
    await write(world, 4, 3)
    world.kill(2)
    const timeoutMs = 3000
    await expect(world.settled(world.replica(4).execute('x', { timeoutMs }))).rejects.toMatchObject({
      code: expect.stringMatching(/no-quorum|outcome-unknown/) as string,
    })
    await world.restart(2)
    await write(world, 4, 3)
    await world.converged()
    expect(world.texts(2)).toEqual(world.texts(4))
  })

  test('a removed server learns of its removal and stops, and the others go on without it', async () => {
    const world = await clusterOf(mode)
    await write(world, 1, 5)
    await world.settled(world.replica(1).changeMembership({ remove: 3 }))
    await world.run(() => world.server(3).fatal !== undefined)
    expect(world.server(3).fatal).toMatchObject({ code: 'removed' })
    await votersAre(world, [1, 2])
    await write(world, 2, 5)
    expect(world.status(1).peers.map(({ server }) => server)).toEqual([2])
  })

  // Of the slots before the change takes force, two servers have to decide: s2 alone could never
  // make up for what it forgot.
  test('a removed server stops only when the others know of its removal for good', async () => {
    const world = await clusterOf(mode, 2)
    await write(world, 1, 5)
    const knows = () => world.status(2).peers.length === 0
    world.server(2).syncMs = () => (knows() ? 500 : 1)
    await world.settled(world.replica(1).changeMembership({ remove: 1 }))
    await world.run(() => world.server(1).fatal?.code === 'removed')
    world.crash(2)
    world.server(2).syncMs = () => 1
    await world.restart(2)
    await write(world, 2, 5)
    expect(world.texts(2)).toHaveLength(10)
  })

  test('the leader can be removed', async () => {
    const world = await clusterOf(mode)
    const id = world.leader ?? 1
    const [first = 0, second = 0] = world.ids.filter((other) => other !== id)
    await write(world, id, 5)
    await world.settled(world.replica(id).changeMembership({ remove: id }))
    await world.run(() => world.server(id).fatal !== undefined)
    await votersAre(world, [first, second])
    await write(world, first, 5)
    await write(world, second, 5)
    await world.converged()
    expect(world.texts(first)).toHaveLength(15)
  })

  test('a server with an emptied disk is replaced by a new server', async () => {
    const world = await clusterOf(mode)
    await write(world, 1, 10)
    world.kill(3)
    world.emptyDisk(3)
    await add(world, 1, 4, 3)
    await votersAre(world, [1, 2, 4])
    await write(world, 4, 5)
    world.kill(1)
    await write(world, 4, 5)
    expect(world.texts(4)).toHaveLength(20)
    // The old one, should it ever come back, is told.
    await expect(world.open(3)).resolves.toBeDefined()
    await world.run(() => world.server(3).fatal !== undefined || world.status(3).peers.every(({ up }) => !up))
  })

  test('the only server can be replaced, and ends only when the new one knows all that it has decided', async () => {
    const world = await clusterOf(mode, 1)
    await write(world, 1, 5)
    await add(world, 1, 2, 1)
    await votersAre(world, [2])
    await write(world, 2, 5)
    expect(world.texts(2)).toHaveLength(10)
    await world.run(() => world.server(1).fatal?.code === 'removed')
  })

  test('an added server that loses its disk after it became a voter is refused, as a founder is', async () => {
    const world = await clusterOf(mode)
    await write(world, 1, 5)
    await add(world, 1, 4)
    await votersAre(world, [1, 2, 3, 4])
    world.kill(4)
    world.emptyDisk(4)
    await world.open(4)
    const refusal = () => world.status(1).peers.find(({ server }) => server === 4)?.reason
    await world.run(() => refusal()?.includes('its data directory was emptied') === true)
    expect(world.texts(4)).toEqual([])
    await write(world, 1, 5)
  })

  test('a cluster of one grows to three, to five, and shrinks to three, with writes all the time', async () => {
    const world = await World.formed({ mode, servers: 1 })
    const client = await world.connect('client', { endpoints: [1, 2, 3, 4, 5].map(clientAddressOf) })
    let failures = 0
    let written = 0
    let isOver = false
    const writer = async () => {
      while (!isOver) {
        await client.execute(`w${written}`).then(
          () => written++,
          () => failures++,
        )
      }
    }
    const writing = writer()
    for (const id of [2, 3, 4, 5]) {
      await add(world, 1, id)
      await votersAre(world, [1, 2, 3, 4, 5].slice(0, id))
    }
    for (const id of [1, 2]) {
      // A client asks all servers: one alone can lose slot after slot to another one that has
      // requests all the time.
      await world.settled(world.replica(3).changeMembership({ remove: id }))
      await world.run(() => world.server(id).fatal !== undefined)
    }
    await votersAre(world, [3, 4, 5])
    isOver = true
    await world.settled(writing)
    await world.converged()
    expect(failures).toBe(0)
    expect(world.texts(3)).toHaveLength(written)
    expect(written).toBeGreaterThan(20)
  })

  test('the membership is kept in snapshots, and in the log after them', async () => {
    const world = await clusterOf(mode, 3, { snapshots: { everySlots: 10, keepSlots: 0, chunkBytes: 100 } })
    await write(world, 1, 5)
    await add(world, 1, 4)
    await votersAre(world, [1, 2, 3, 4])
    await write(world, 4, 15)
    await world.settled(world.replica(4).changeMembership({ remove: 1 }))
    await votersAre(world, [2, 3, 4])
    await world.converged()
    for (const id of [2, 3, 4]) world.crash(id)
    for (const id of [2, 3, 4]) await world.restart(id)
    await votersAre(world, [2, 3, 4])
    await write(world, 3, 5)
    await world.converged()
    expect(world.texts(4)).toHaveLength(25)
  })

  test('simultaneous changes are made one after the other', async () => {
    const world = await clusterOf(mode, 5)
    const client = await world.connect()
    const changes = [5, 4, 3].map((remove) => client.changeMembership({ remove }))
    await world.settled(Promise.all(changes))
    await votersAre(world, [1, 2])
  })

  test('an impossible change is refused, with the reason', async () => {
    const world = await clusterOf(mode)
    const refused = async (change: MembershipChange, text: string) =>
      expect(world.settled(world.replica(1).changeMembership(change))).rejects.toMatchObject({
        code: 'change-refused',
        message: expect.stringContaining(text) as string,
      })
    const address = 'somewhere:1'
    await refused({ add: 2, address }, 's2 is a member already')
    await refused({ remove: 9 }, 's9 is not a member')
    await refused({ add: 7, address, replaces: 6 }, 's6 is no voter')
    await world.settled(world.replica(1).changeMembership({ add: 4, address, learner: true }))
    await world.settled(world.replica(1).changeMembership({ remove: 4 }))
    await refused({ add: 4, address }, 'none is used twice')
    await world.settled(world.replica(1).changeMembership({ remove: 4 }))
    await expect(
      world.settled(world.replica(1).changeMembership({ add: 5, address: 'nowhere' })),
    ).rejects.toMatchObject({ code: 'invalid-options' })
    await expect(world.settled(world.replica(1).changeMembership({ remove: 0 }))).rejects.toMatchObject({
      code: 'invalid-options',
    })
  })

  test('a server cannot be added at the address of another one, and a wrong address can be corrected', async () => {
    const world = await clusterOf(mode)
    const change = (what: MembershipChange) => world.settled(world.replica(1).changeMembership(what))
    await expect(change({ add: 4, address: peerAddressOf(2) })).rejects.toMatchObject({
      code: 'change-refused',
      message: expect.stringContaining('s2 listens at s2:2380') as string,
    })
    for (const address of ['0.0.0.0:2380', '[::]:2380', 's4:0', 's4:70000', ':2380', 'a:b:1'])
      await expect(change({ add: 4, address })).rejects.toMatchObject({ code: 'invalid-options' })
    await change({ add: 4, address: 'wrong:1' })
    // Of two at once, one is too late.
    const both = await Promise.allSettled([5, 6].map((id) => change({ add: id, address: 'same:1' })))
    expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    await expect(change({ update: 4, address: 'same:1' })).rejects.toMatchObject({ code: 'change-refused' })
    await expect(change({ update: 9, address: 's9:1' })).rejects.toMatchObject({ code: 'change-refused' })
    await change({ update: 4, address: peerAddressOf(4) })
    expect(world.status(1).peers.find(({ server }) => server === 4)?.address).toBe(peerAddressOf(4))
    world.add(4)
    await world.open(4)
    await world.run(() => voters(world, 1).includes(4))
  })

  test('a server returns after all other voters that it knew were replaced and are gone', async () => {
    const world = await clusterOf(mode)
    await write(world, 1, 5)
    world.kill(3)
    for (const [by, id, replaces] of [
      [2, 4, 1],
      [4, 5, 2],
    ] as const) {
      await add(world, by, id, replaces)
      await world.run(() => voters(world, id).includes(id))
      await world.run(() => world.server(replaces).fatal?.code === 'removed')
      world.kill(replaces)
      world.servers.delete(replaces)
    }
    await write(world, 5, 20)
    await world.open(3)
    await votersAre(world, [3, 4, 5])
    await world.converged()
    expect(world.texts(3)).toEqual(world.texts(5))
  })

  test('a server joins without a warning in its log', async () => {
    const world = await clusterOf(mode)
    await add(world, 1, 4)
    await votersAre(world, [1, 2, 3, 4])
    const complaints = world.server(4).log.filter((line) => !line.startsWith('info'))
    expect(complaints).toEqual([])
  })
})
