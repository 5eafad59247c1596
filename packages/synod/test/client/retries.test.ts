import { describe, expect, test } from 'vitest'
import { World } from '../replica/world.js'

const MODES = ['leader', 'leaderless'] as const

describe.each(MODES)('in %s mode', (mode) => {
  test('a command whose reply is lost is executed once, and its result arrives', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect()
    await world.settled(client.execute('first'))
    const call = client.execute('once')
    const one = world.leader ?? 1
    await world.run(() => world.texts(one).includes('once'))
    for (const id of world.ids) world.partition('client', id)
    await world.wait(200)
    expect(world.texts(one)).toEqual(['first', 'once'])
    world.heal()
    expect(await world.settled(call)).toBe(2)
    await world.settled(client.execute('last'))
    await world.converged()
    for (const id of world.ids) expect(world.texts(id)).toEqual(['first', 'once', 'last'])
  })

  test('commands under way while all connections break again and again are executed once each', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect()
    const calls = Array.from({ length: 100 }, (_, index) => client.execute(`${index}`))
    for (let count = 0; count < 5; count++) {
      await world.wait(3)
      for (const id of world.ids) world.breakConnections('client', id)
    }
    const results = await world.settled(Promise.all(calls))
    expect(new Set(results).size).toBe(100)
    await world.converged()
    expect(new Set(world.texts(1)).size).toBe(100)
    expect(world.texts(1)).toHaveLength(100)
  })

  test('a command is not executed again after its server crashed between execution and reply', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect()
    await world.settled(client.execute('first'))
    const call = client.execute('once')
    const asked = world.leader ?? 1
    await world.run(() => world.texts(asked).includes('once'))
    world.crash(asked)
    expect(await world.settled(call)).toBe(2)
    await world.restart(asked)
    await world.settled(client.execute('last'))
    await world.converged()
    for (const id of world.ids) expect(world.texts(id)).toEqual(['first', 'once', 'last'])
  })

  test('after a crash of all servers the client continues its session', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect('client', { timeoutMs: 60_000 })
    await world.settled(client.execute('before'))
    const { sessions } = world.status(1)
    const call = client.execute('during')
    await world.wait(1)
    for (const id of world.ids) world.crash(id)
    await world.wait(3000)
    await world.openAll()
    expect(await world.settled(call)).toBe(2)
    await world.settled(client.execute('after'))
    await world.converged()
    expect(world.texts(1)).toEqual(['before', 'during', 'after'])
    expect(world.status(1).sessions).toBe(sessions)
  })

  test('a read under way when its connection breaks is asked again', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect()
    await world.settled(client.execute('a'))
    const read = client.read(0)
    await world.wait(1)
    for (const id of world.ids) world.breakConnections('client', id)
    expect(await world.settled(read)).toEqual(['a'])
  })
})

test('a client finds the next leader when the leader crashes', async () => {
  const world = await World.formed()
  const client = await world.connect()
  for (let count = 1; count <= 3; count++) {
    const leader = world.leader!
    expect(await world.settled(client.execute(`${count}`))).toBe(count)
    world.crash(leader)
    expect(await world.settled(client.read(count - 1))).toEqual([`${count}`])
    await world.restart(leader)
    await world.ready()
  }
})

test('a client that is cut off from the leader alone has its commands executed by way of a follower', async () => {
  const world = await World.formed()
  const client = await world.connect()
  await world.settled(client.execute('a'))
  world.partition('client', world.leader!)
  world.breakConnections('client', world.leader!)
  await world.wait(5000)
  expect(await world.settled(client.execute('b'))).toBe(2)
  expect(await world.settled(client.read(0))).toEqual(['a', 'b'])
})

test('a client does not wait for a deposed leader that does not know it is deposed', async () => {
  const world = await World.formed()
  const client = await world.connect()
  await world.settled(client.execute('a'))
  const old = world.leader!
  world.isolate(old)
  const begunMs = world.clock.now()
  expect(await world.settled(client.execute('b'))).toBe(2)
  expect(await world.settled(client.read(0))).toEqual(['a', 'b'])
  expect(world.clock.now() - begunMs).toBeLessThan(2500)
  world.heal()
  await world.converged()
  expect(world.texts(old)).toEqual(['a', 'b'])
})
