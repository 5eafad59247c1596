import { describe, expect, test } from 'vitest'
import { connect } from '../../src/client/client.js'
import { World } from '../replica/world.js'
import { FakeReplica } from './fake-replica.js'

describe('connecting', () => {
  test('to endpoints of another cluster fails with the reason that they give', async () => {
    const world = await World.formed()
    expect(await world.failure(world.beginConnect('client', { cluster: 'other' }))).toMatchObject({
      code: 'wrong-cluster',
      message: expect.stringMatching(/refuses this client: this is cluster 'synod', not 'other'/),
    })
    const named = await world.connect('named', { cluster: 'synod' })
    expect(await world.settled(named.execute('a'))).toBe(1)
  })

  test('where no server listens fails as unreachable after the timeout', async () => {
    const world = new World()
    const error = await world.failure(world.beginConnect('client', { timeoutMs: 500 }))
    expect(error).toMatchObject({ code: 'unreachable' })
    expect(error.message).toMatch(/s1:2379 \(refused\)/)
    expect(world.clock.now()).toBe(500)
  })

  test('waits for the first replica to come up', async () => {
    const world = new World({ servers: 1 })
    const connecting = world.beginConnect()
    await world.wait(2000)
    await world.open(1)
    const client = await world.settled(connecting)
    expect(await world.settled(client.execute('a'))).toBe(1)
  })

  test('can be aborted, and leaves no connection behind', async () => {
    const world = new World()
    const abort = new AbortController()
    const connecting = world.beginConnect('client', { signal: abort.signal })
    await world.wait(100)
    abort.abort()
    expect(await world.failure(connecting)).toMatchObject({ code: 'aborted' })
    const dials = world.network.dials.length
    await world.wait(10_000)
    expect(world.network.dials).toHaveLength(dials)
  })

  test.each([[[]], [['nonsense']], [['s1:99999']]])('to %j fails as invalid-options', async (endpoints) => {
    const world = new World()
    expect(await world.failure(world.beginConnect('client', { endpoints }))).toMatchObject({
      code: 'invalid-options',
    })
  })
})

describe.each(['leader', 'leaderless'] as const)('a call that times out, in %s mode', (mode) => {
  test('fails as no-quorum when the replicas that answer have none', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect()
    await world.settled(client.execute('a'))
    world.crash(2)
    world.crash(3)
    await world.wait(2000)
    const calls = [client.execute('maybe', { timeoutMs: 500 }), client.read(0, { timeoutMs: 500 })]
    for (const call of calls) call.catch(() => undefined)
    for (const call of calls) expect(await world.failure(call)).toMatchObject({ code: 'no-quorum' })
    await world.restart(2)
    await world.settled(client.execute('b'))
    await world.converged()
    expect(world.texts(1).filter((text) => text !== 'maybe')).toEqual(['a', 'b'])
  })

  test('fails as unreachable when no replica is up', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect()
    await world.settled(client.execute('a'))
    for (const id of world.ids) world.crash(id)
    await world.wait(100)
    expect(await world.failure(client.execute('b', { timeoutMs: 500 }))).toMatchObject({
      code: 'unreachable',
    })
  })

  test('fails as outcome-unknown when a leader or a quorum is up but does not answer', async () => {
    const world = new World({ mode })
    const replica = await FakeReplica.listen(world, 1, mode)
    const client = await world.connect()
    replica.hint(mode === 'leader' ? 1 : 0, 1)
    await world.wait(10)
    expect(await world.failure(client.execute('a', { timeoutMs: 500 }))).toMatchObject({
      code: 'outcome-unknown',
    })
  })
})

test('a command whose version cannot be told fails at once, and no second time', async () => {
  const world = new World()
  const client = connect({
    endpoints: ['s1:2379'],
    timeoutMs: 100,
    versionOf() {
      throw new Error('no version')
    },
    host: { network: world.network.host('client'), clock: world.clock },
  })
  await expect(client.execute('a')).rejects.toThrow('no version')
  // A failure that no caller listens for would end the process.
  expect(world.clock.step(world.clock.now() + 1000)).toBe(false)
})
