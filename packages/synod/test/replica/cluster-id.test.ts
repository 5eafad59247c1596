import { describe, expect, test } from 'vitest'
import { clusterIdOf } from '../../src/cluster/cluster-id.js'
import { clientAddressOf, peerAddressOf } from '../../../testing/src/simulator/world.js'
import { type Options, World } from './world.js'

const MODES = ['leader', 'leaderless'] as const

/** Alone, or with an address of another server that it does not know yet. */
const alone = (id: number, ...others: number[]): Options => ({
  cluster: { servers: Object.fromEntries([id, ...others].map((each) => [each, peerAddressOf(each)])) },
})

/** Two clusters with one name: s1, and s2. */
async function twoClusters(mode: (typeof MODES)[number]): Promise<World> {
  const world = new World({ mode, servers: 2 })
  await world.open(1, alone(1))
  await world.open(2, alone(2))
  await world.run(() => [1, 2].every((id) => world.status(id).formed))
  return world
}

function identityOf(world: World, id: number): { clusterId: string | null; founders: number[] } {
  const text = world.server(id).disk.snapshot('/data').get('identity')!.toString()
  return JSON.parse(text) as { clusterId: string | null; founders: number[] }
}

test('the id of a cluster depends on its founders and their acceptors', () => {
  const id = clusterIdOf({ 1: 'aa', 2: 'bb', 10: 'cc' })
  expect(id).toMatch(/^[0-9a-f]{32}$/)
  expect(clusterIdOf({ 10: 'cc', 2: 'bb', 1: 'aa' })).toBe(id)
  expect(clusterIdOf({ 1: 'aa', 2: 'bc', 10: 'cc' })).not.toBe(id)
  expect(clusterIdOf({ 1: 'aa', 3: 'bb', 10: 'cc' })).not.toBe(id)
})

describe.each(MODES)('in %s mode', (mode) => {
  test('all founders have the same cluster id, and keep it over restarts', async () => {
    const world = await World.formed({ mode })
    const ids = world.ids.map((id) => world.status(id).clusterId)
    expect(new Set(ids).size).toBe(1)
    expect(identityOf(world, 2)).toMatchObject({ clusterId: ids[0], founders: [1, 2, 3] })
    world.crash(2)
    await world.restart(2)
    expect(world.status(2).clusterId).toBe(ids[0])
  })

  test('a cluster has no id before it has formed', async () => {
    const world = new World({ mode })
    await world.open(1)
    await world.open(2)
    await world.wait(1000)
    expect(world.status(1).clusterId).toBe(null)
    expect(identityOf(world, 1)).toMatchObject({ clusterId: null, founders: [1, 2, 3] })
  })

  test('a joining server saves the cluster id before it asks for a snapshot', async () => {
    const world = await World.formed({ mode })
    world.add(4)
    const { disk } = world.server(4)
    const open = disk.open.bind(disk)
    let before: string | null = null
    disk.open = (path, how) => {
      if (path.endsWith('snapshot.arriving')) before ??= identityOf(world, 4).clusterId
      return open(path, how)
    }
    await world.open(4)
    await world.settled(world.replica(1).changeMembership({ add: 4, address: peerAddressOf(4) }))
    await world.run(() =>
      world.status(4).members.some(({ server, role }) => server === 4 && role === 'voter'),
    )
    expect(before).toBe(world.status(1).clusterId)
    expect(identityOf(world, 4)).toMatchObject({ clusterId: world.status(1).clusterId, founders: [] })
  })

  test('a server of another cluster of the same name is refused, although it was added by mistake', async () => {
    const world = await twoClusters(mode)
    await world.settled(world.replica(2).execute('theirs'))
    await world.settled(world.replica(1).changeMembership({ add: 2, address: peerAddressOf(2) }))
    await world.wait(3000)
    expect(world.status(1).peers).toMatchObject([{ server: 2, up: false }])
    expect(world.server(1).log.join('\n')).toMatch(/do not agree: s2 belongs to cluster 'synod' with the id/)
    expect(await world.settled(world.replica(1).execute('ours'))).toBe(1)
    expect(world.texts(1)).toEqual(['ours'])
    expect(world.texts(2)).toEqual(['theirs'])
  })

  test('a server that has begun to join one cluster does not join another one', async () => {
    const world = await twoClusters(mode)
    world.add(3)
    await world.open(3, alone(3, 2))
    await world.run(() => world.status(3).clusterId === world.status(2).clusterId)
    world.crash(3)
    await world.settled(world.replica(1).execute('foreign'))
    await world.open(3, alone(3, 1))
    await world.wait(3000)
    expect(world.status(3).peers.filter(({ server, up }) => server === 1 && up)).toEqual([])
    expect(world.texts(3)).toEqual([])
  })

  test('a client stays with the cluster that it first connected to', async () => {
    const world = await twoClusters(mode)
    const client = await world.connect()
    const first = await world.settled(client.execute('first'))
    const [own, other] = world.texts(1).length === 1 ? [1, 2] : [2, 1]
    expect(first).toBe(1)
    world.crash(own)
    const error = await world.failure(client.execute('second', { timeoutMs: 3000 }))
    expect(error.code).toMatch(/outcome-unknown|unreachable|no-quorum/)
    expect(world.texts(other)).toEqual([])
    const [status] = (await world.settled(client.status())).filter(({ endpoint }) =>
      endpoint.startsWith(`s${other}:`),
    )
    expect(status).toMatchObject({ error: { message: expect.stringContaining('has the id') as string } })
    await world.open(own)
    expect(await world.settled(client.execute('third'))).toBeGreaterThan(1)
  })
})

test('a client waits for a server that has not formed a cluster yet: it may be about to join its own', async () => {
  const world = await World.formed()
  const client = await world.connect('client', { endpoints: [clientAddressOf(3)] })
  await world.settled(client.execute('first'))
  const { disk } = world.server(3)
  world.crash(3)
  world.isolate(3)
  world.emptyDisk(3)
  await world.open(3)
  const second = client.execute('second')
  await world.wait(3000)
  expect(await world.failure(client.execute('third', { timeoutMs: 3000 }))).toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining('s3 has not formed a cluster yet') as string,
  })
  world.crash(3)
  world.server(3).disk = disk
  world.heal()
  await world.open(3)
  expect(await world.settled(second)).toBe(2)
})

describe('PITFALL 26: a server with different parameters', () => {
  test('PITFALL 26: is refused for another window, in both directions', async () => {
    const world = new World()
    await world.open(1)
    await world.open(2)
    await world.open(3, { host: { window: 9 } })
    await world.run(() => world.server(3).fatal !== undefined)
    expect(world.server(3).fatal?.message).toMatch(/has a window of 8192 slots; s3 has a window of 9 slots/)
    expect(world.status(1).formed).toBe(false)
  })

  test('PITFALL 26: does not start with another window than that of its directory', async () => {
    const world = await World.formed()
    world.crash(1)
    expect(await world.failure(world.begin(1, { host: { window: 9 } }))).toMatchObject({
      code: 'wrong-cluster',
      message: expect.stringMatching(
        /window of 8192 slots, and this server was started with a window of 9/,
      ) as string,
    })
  })
})

test('a server with another election timeout is accepted, with one warning for each value', async () => {
  const world = new World()
  await world.open(1, { electionTimeoutMs: 600 })
  await world.open(2)
  await world.open(3)
  await world.ready()
  world.breakConnections(1, 2)
  await world.wait(2000)
  const warnings = world.server(2).log.filter((line) => line.includes('election timeout'))
  expect(warnings).toEqual([
    'warn: s1 has an election timeout of 600 ms, this server one of 500 ms: the servers of a cluster should have the same',
  ])
})
