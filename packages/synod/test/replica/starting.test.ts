import { describe, expect, test } from 'vitest'
import { DATA_DIR, clientAddressOf, peerAddressOf } from '../../../testing/src/simulator/world.js'
import { type Options, World } from './world.js'

const MODES = ['leader', 'leaderless'] as const

const listOf = (...ids: number[]): Options => ({
  cluster: { servers: Object.fromEntries(ids.map((id) => [id, peerAddressOf(id)])) },
})

function contents(world: World, id: number): Record<string, string> {
  const { disk } = world.server(id)
  try {
    return Object.fromEntries(
      [...disk.snapshot(DATA_DIR)].map(([name, bytes]) => [name, bytes.toString('hex')]),
    )
  } catch {
    return {}
  }
}

/** Takes a port of s1 before its replica can, from another process on the same host. */
async function take(world: World, address: string): Promise<void> {
  const [host = '', port] = address.split(':')
  await world.network.host(host).listen({ host, port: Number(port) }, () => undefined)
}

const FAILURES: readonly {
  readonly name: string
  readonly code: string
  readonly options?: Options
  readonly before?: (world: World) => Promise<void> | void
}[] = [
  {
    name: 'the peer port is taken',
    code: 'invalid-options',
    before: (world) => take(world, peerAddressOf(1)),
  },
  {
    name: 'the client port is taken',
    code: 'invalid-options',
    before: (world) => take(world, clientAddressOf(1)),
  },
  { name: 'the state machine is not valid', code: 'invalid-options', options: { machine: {} as never } },
  { name: 'an option is invalid', code: 'invalid-options', options: { heartbeatMs: -1 } },
  {
    name: 'the directory is not accessible',
    code: 'journal-failed',
    before: (world) => {
      const { disk } = world.server(1)
      disk.lock = () =>
        Promise.reject(Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }))
    },
  },
]

const WRONG: typeof FAILURES = [
  {
    name: 'the directory is of another server',
    code: 'wrong-acceptor',
    options: { id: 2, listen: peerAddressOf(1) },
  },
  { name: 'the directory is of the other mode', code: 'wrong-mode', options: { mode: 'leaderless' } },
  {
    name: 'the directory is of another cluster',
    code: 'wrong-cluster',
    options: { cluster: { name: 'other', ...listOf(1, 2, 3).cluster! } },
  },
]

const named = (failures: typeof FAILURES) => failures.map((failure) => [failure.name, failure] as const)

describe('a failed start leaves the directory as it was', () => {
  test.each(named(FAILURES))('if the directory is new: %s', async (_, { before, code, options }) => {
    const world = new World()
    await before?.(world)
    expect(await world.failure(world.begin(1, options))).toMatchObject({ code })
    expect(contents(world, 1)).toEqual({})
  })

  test.each(named([...FAILURES, ...WRONG]))(
    'if the directory was used: %s',
    async (_, { before, code, options }) => {
      const world = await World.formed()
      await world.settled(world.replica(1).execute('a'))
      world.crash(1)
      const used = contents(world, 1)
      await before?.(world)
      expect(await world.failure(world.begin(1, options))).toMatchObject({ code })
      expect(contents(world, 1)).toEqual(used)
    },
  )

  test('and releases its ports', async () => {
    const world = await World.formed()
    world.crash(1)
    expect(await world.failure(world.begin(1, { mode: 'leaderless' }))).toMatchObject({ code: 'wrong-mode' })
    await take(world, peerAddressOf(1))
    await take(world, clientAddressOf(1))
  })
})

describe('before the cluster has formed', () => {
  test.each<[string, Options, RegExp]>([
    [
      'other servers',
      listOf(1, 2, 4),
      /found a cluster of the servers 1, 2, 3, and .* of the servers 1, 2, 4: ask/,
    ],
    [
      'the option to join a cluster',
      { join: true },
      /of the servers 1, 2, 3, and this server was started to join a cluster/,
    ],
  ])('a later start with %s is refused', async (_what, options, message) => {
    const world = new World()
    await world.open(1)
    world.crash(1)
    expect(await world.failure(world.begin(1, options))).toMatchObject({
      code: 'wrong-cluster',
      message: expect.stringMatching(message) as string,
    })
    world.crash(1)
    await world.open(1)
  })
})

describe.each(MODES)('once the cluster has formed, in %s mode', (mode) => {
  test('the list gives addresses, and may leave out members', async () => {
    const world = await World.formed({ mode })
    world.crash(1)
    await world.open(1, listOf(1, 2))
    await world.ready()
    expect(await world.settled(world.replica(1).execute('a'))).toBe(1)
    await world.converged()
  })

  test('a server in the list that is not a member is logged as a warning, and not dialled', async () => {
    const world = await World.formed({ mode })
    world.crash(1)
    await world.open(1, listOf(1, 2, 3, 7))
    await world.ready()
    await world.wait(1000)
    expect(world.status(1).peers.map(({ server }) => server)).toEqual([2, 3])
    expect(world.server(1).log.filter((line) => line.includes('s7'))).toEqual([
      'warn: s7 is in the list of servers, and no member of the cluster: its address is ignored',
    ])
  })
})

test('a server that is welcomed by too few for a quorum does not vote', async () => {
  const world = await World.formed({ mode: 'leaderless', servers: 5 })
  world.kill(1)
  for (const id of [3, 4, 5]) world.partition(1, id)
  await world.restart(1)
  const { journal, watermarks } = world.status(1)
  for (let i = 0; i < 5; i++) await world.settled(world.replica(2).execute('a'))
  await world.wait(2000)
  expect(world.status(1)).toMatchObject({ admitted: false, journal, watermarks })
  world.heal()
  await world.run(() => world.texts(1).length === 5)
})

test('quorums count the founders, not the servers in the list', async () => {
  const quorums = { phase1: 3, phase2: 1 }
  const world = new World()
  await world.openAll({ cluster: { ...listOf(1, 2, 3).cluster!, quorums } })
  await world.ready()
  world.crash(1)
  await world.open(1, { cluster: { ...listOf(1, 2).cluster!, quorums } })
  expect(await world.settled(world.replica(1).execute('a'))).toBe(1)
})

test('a joining server whose list has no member is told which member to list', async () => {
  const world = await World.formed()
  world.add(4)
  await world.settled(world.replica(1).changeMembership({ add: 4, address: peerAddressOf(4) }))
  await world.open(4, listOf(4))
  await world.wait(5000)
  expect(world.status(4).formed).toBe(false)
  const told = world.server(4).log.filter((line) => line.includes('not in the list of servers'))
  expect(told).toHaveLength(3)
  expect(told[0]).toMatch(
    /warn: s\d is a member of cluster 'synod' and not in .* start this server with s\d in the list/,
  )
  world.crash(4)
  await world.open(4, listOf(1, 4))
  await world.run(() => world.status(4).role === 'follower')
})
