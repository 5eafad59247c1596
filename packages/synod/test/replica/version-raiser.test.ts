import { describe, expect, test } from 'vitest'
import { FORMATS, type VersionRange } from '../../src/cluster/versions.js'
import { encodeRaise } from '../../src/machine/raise.js'
import { encodeRaiseRequest } from '../../src/machine/request.js'
import { openClientLink } from '../../src/net/client/link.js'
import { PROTOCOLS } from '../../src/net/transport/preamble.js'
import type { Mode } from '../../src/paxos/config.js'
import { keyOf } from '../machine/keys.js'
import { Notes } from './notes.js'
import { type Options, World } from './world.js'

const versionOf = (text: string) => (text.startsWith('v2') ? 2 : 1)

/**
 * Options of a replica that runs a state machine of this version, on a build that knows these
 * formats.
 */
function upgraded(version: number, formats: VersionRange = FORMATS): Options {
  return {
    machine: Object.assign(new Notes(), { version, versionOf }),
    host: { build: { protocols: PROTOCOLS, formats } },
  }
}

const agreed = (world: World) => world.running.map((id) => world.status(id).versions.agreed)

async function upgrade(world: World, id: number, options: Options): Promise<void> {
  world.kill(id)
  await world.open(id, options)
  await world.ready()
}

describe.each<Mode>(['leader', 'leaderless'])('in %s mode', (mode) => {
  test('a command of a later version is refused until the last member is upgraded', async () => {
    const world = await World.formed({ mode })
    const old = await world.connect('old')
    const client = await world.connect('new', { versionOf })
    for (const id of [1, 2]) await upgrade(world, id, upgraded(2))
    await world.wait(2000)
    const NOT_YET = { code: 'not-known-by-all' }
    expect(await world.failure(client.execute('v2 a'))).toMatchObject(NOT_YET)
    for (const id of [1, 2])
      expect(await world.failure(world.replica(id).execute('v2 b'))).toMatchObject(NOT_YET)
    expect(await world.settled(old.execute('c'))).toBe(1)
    await upgrade(world, 3, upgraded(2))
    await world.run(() => agreed(world).every(({ machine }) => machine === 2))
    expect(await world.settled(client.execute('v2 d'))).toBe(2)
    expect(await world.settled(world.replica(3).execute('v2 e'))).toBe(3)
    await world.converged()
  })

  test('a format is raised when all builds support it, and then older builds are refused', async () => {
    const world = await World.formed({ mode, options: { snapshots: { everySlots: 1, keepSlots: 1 } } })
    const next = () => upgraded(1, { ...FORMATS, newest: FORMATS.newest + 1 })
    for (const id of [1, 2]) await upgrade(world, id, next())
    await world.wait(2000)
    expect(new Set(agreed(world).map(({ format }) => format))).toEqual(new Set([FORMATS.newest]))
    await upgrade(world, 3, next())
    await world.run(() => agreed(world).every(({ format }) => format > FORMATS.newest))
    const raised = world.status(3).watermarks.executed
    await world.settled(world.replica(3).execute('a'))
    await world.run(() => world.status(3).snapshot.slot >= raised)
    world.kill(3)
    const files = async () => (await world.server(3).disk.list('/data')).filter((name) => name !== 'lock')
    const before = await files()
    expect(await world.failure(world.begin(3, upgraded(1)))).toMatchObject({
      code: 'wrong-version',
      message: expect.stringContaining('the replicated state has format version 3') as string,
    })
    expect(await files()).toEqual(before)
    world.kill(3)
    await world.open(3, next())
    await world.settled(world.replica(3).execute('b'))
    await world.converged()
  })

  test('a member that is down delays the raise', async () => {
    const world = await World.formed({ mode })
    world.kill(3)
    for (const id of [1, 2]) await upgrade(world, id, upgraded(2))
    await world.wait(5000)
    expect(new Set(agreed(world).map(({ machine }) => machine))).toEqual(new Set([1]))
    await world.open(3, upgraded(2))
    await world.run(() => agreed(world).every(({ machine }) => machine === 2))
  })

  test('a server with an older machine cannot join, and cannot be added as a member', async () => {
    const world = new World({ mode })
    await world.openAll({ host: {} })
    await world.ready()
    for (const id of world.ids) await upgrade(world, id, upgraded(2))
    await world.run(() => agreed(world).every(({ machine }) => machine === 2))
    world.add(4)
    await world.open(4, upgraded(1)).catch(() => undefined)
    await world.run(() => world.server(4).fatal !== undefined)
    expect(world.server(4).fatal).toMatchObject({
      code: 'wrong-version',
      message: expect.stringContaining('s4 has version 1: start it with a newer state machine') as string,
    })
    const add = () => world.replica(1).changeMembership({ add: 4, address: 's4:2380' })
    expect(await world.failure(add())).toMatchObject({
      code: 'change-refused',
      message: expect.stringContaining('s4 has version 1') as string,
    })
    world.kill(4)
    await world.open(4, upgraded(2))
    await world.wait(3000)
    await world.settled(add())
    await world.run(() =>
      world.status(1).members.some(({ role, server }) => server === 4 && role === 'voter'),
    )
    await world.converged()
  })

  test('a server connected before the raise, and not a member yet, ends with the raise', async () => {
    const world = await World.formed({ mode })
    for (const id of [1, 2]) await upgrade(world, id, upgraded(2))
    world.add(4)
    await world.open(4, upgraded(1))
    await world.wait(1000)
    expect(world.server(4).fatal).toBeUndefined()
    await upgrade(world, 3, upgraded(2))
    await world.run(() => world.server(4).fatal !== undefined)
    expect(world.server(4).fatal).toMatchObject({ code: 'wrong-version' })
  })

  test('a server that joins during an upgrade delays the raise', async () => {
    const world = await World.formed({ mode })
    for (const id of [1, 2]) await upgrade(world, id, upgraded(2))
    world.add(4)
    await world.open(4, upgraded(1))
    await world.settled(world.replica(1).changeMembership({ add: 4, address: 's4:2380' }))
    await upgrade(world, 3, upgraded(2))
    await world.wait(3000)
    expect(new Set(agreed(world).map(({ machine }) => machine))).toEqual(new Set([1]))
    await upgrade(world, 4, upgraded(2))
    await world.run(() => agreed(world).every(({ machine }) => machine === 2))
    await world.converged()
  })
})

test('a server that returns to an older machine during the raise ends with wrong-version', async () => {
  const world = await World.formed()
  const [behind = 0] = world.followers
  for (const id of world.ids) if (id !== behind) await upgrade(world, id, upgraded(2))
  world.isolate(behind)
  world.heal()
  await upgrade(world, behind, upgraded(2))
  await world.run(() => world.running.some((id) => world.status(id).versions.agreed.machine === 2))
  world.kill(behind)
  const failure = await world.open(behind, upgraded(1)).catch((error: unknown) => error)
  if (!(failure instanceof Error)) await world.run(() => world.server(behind).fatal !== undefined)
  expect(failure instanceof Error ? failure : world.server(behind).fatal).toMatchObject({
    code: 'wrong-version',
  })
})

test('a status shows the versions that each server supports', async () => {
  const world = await World.formed()
  await upgrade(world, 2, upgraded(7))
  await world.run(() => world.status(1).peers.every(({ up }) => up))
  await world.raised()
  const formats = FORMATS
  expect(world.status(2).versions).toEqual({
    support: { formats, machine: 7 },
    agreed: { format: FORMATS.newest, machine: 1 },
  })
  expect(world.status(1).peers.map(({ protocol, server, support }) => [server, protocol, support])).toEqual([
    [2, 2, { formats, machine: 7 }],
    [3, 2, { formats, machine: 1 }],
  ])
})

test('a raise from a client is refused', async () => {
  const world = await World.formed({ servers: 1 })
  const value = encodeRaiseRequest(
    keyOf(7),
    encodeRaise({
      to: { format: 1, machine: 9 },
      members: [{ server: 1, support: { formats: { oldest: 1, newest: 1 }, machine: 9 } }],
    }),
  )
  const answers: unknown[] = []
  const { clock, network } = world.startProcess('hostile')
  const link = openClientLink({
    ...{ clock, network, random: () => 0.5, address: { host: 's1', port: 2379 } },
    hello: () => ({ type: 'client-hello', cluster: '', clusterId: null }),
    onUp: () => {
      link.send({ type: 'execute', request: 1, value })
      link.flush()
    },
    onDown: () => undefined,
    onRefused: () => undefined,
    onMessages: (batch) => answers.push(...batch.filter(({ type }) => type === 'fail')),
  })
  await world.run(() => answers.length > 0)
  expect(answers).toMatchObject([{ code: 'wrong-protocol', message: 'a raise of versions by a client' }])
  expect(world.status(1).versions.agreed.machine).toBe(1)
})
