import { describe, expect, test } from 'vitest'
import type { SynodError } from '../../src/errors.js'
import { World } from '../replica/world.js'
import { FakeReplica } from './fake-replica.js'

const TIME = { timeoutMs: 500 }

describe.each(['leader', 'leaderless'] as const)('in %s mode, a command whose caller gave up', (mode) => {
  test('is resumed by its client, executed once, and answered with the result of that execution', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect()
    await world.settled(client.execute('first'))
    const call = client.execute('once', TIME)
    await world.run(() => world.ids.some((id) => world.texts(id).includes('once')))
    for (const id of world.ids) world.partition('client', id)
    const error = await world.failure(call)
    expect(error).toMatchObject({ mayHaveExecuted: true, retryable: false })
    world.heal()
    await world.settled(client.execute('later'))
    expect(await world.settled(client.execute('once', { resume: error.request }))).toBe(2)
    await world.converged()
    for (const id of world.ids) expect(world.texts(id)).toEqual(['first', 'once', 'later'])
  })

  test('is resumed by its replica, and executed then if it was not executed before', async () => {
    const world = await World.formed({ mode })
    await world.settled(world.replica(1).execute('first'))
    for (const id of [2, 3]) world.isolate(id)
    const error = await world.failure(world.replica(1).execute('once', TIME))
    expect(error).toMatchObject({ mayHaveExecuted: true })
    world.heal()
    await world.settled(world.replica(1).execute('once', { resume: error.request }))
    await world.converged()
    expect(world.texts(2)).toEqual(['first', 'once'])
  })
})

test('only the request of an error can be resumed, and only by its own client', async () => {
  const world = await World.formed()
  const client = await world.connect()
  const other = await world.connect('other')
  await world.settled(client.execute('first'))
  for (const id of world.ids) world.partition('client', id)
  const { request } = await world.failure(client.execute('once', TIME))
  world.heal()
  expect(await world.failure(other.execute('once', { resume: request }))).toMatchObject({
    code: 'invalid-options',
  })
  for (const resume of [{}, 'once', null]) {
    expect(await world.failure(client.execute('once', { resume } as never))).toMatchObject({
      code: 'invalid-options',
      message: expect.stringMatching(/^resume must be the `request` of an error/),
    })
  }
})

describe('an error reports mayHaveExecuted', () => {
  async function rig() {
    const world = new World()
    const replica = await FakeReplica.listen(world, 1)
    const client = await world.connect()
    replica.hint(1, 1)
    const opening = client.execute('first')
    await world.run(() => replica.of('execute').length === 1)
    replica.open(replica.of('execute')[0]!.request, 7)
    await world.run(() => replica.of('execute').length === 2)
    replica.reply(replica.of('execute')[1]!.request, 1)
    await world.settled(opening)
    const sent = async (call: Promise<unknown>, count: number) => {
      call.catch(() => undefined)
      await world.run(() => replica.of('execute').length === count)
      return replica.of('execute').at(-1)!.request
    }
    return { client, replica, sent, world }
  }
  const failed = (call: Promise<unknown>) =>
    call.then(
      () => undefined,
      (error: unknown) => error as SynodError,
    )

  test('as false if the only replica that had the command refuses it', async () => {
    const { client, replica, sent, world } = await rig()
    const call = client.execute('a')
    replica.fail(await sent(call, 3), 'disk-full')
    expect(await world.settled(failed(call))).toMatchObject({
      ...{ code: 'disk-full', mayHaveExecuted: false, retryable: true, request: undefined },
    })
  })

  test('as false if the command was refused, and times out before the next attempt', async () => {
    const { client, replica, sent, world } = await rig()
    const call = client.execute('a', TIME)
    replica.fail(await sent(call, 3), 'overloaded', 400)
    expect(await world.settled(failed(call))).toMatchObject({ mayHaveExecuted: false, retryable: true })
  })

  test('as true if a connection broke after the command was sent, and a later attempt is refused', async () => {
    const { client, replica, sent, world } = await rig()
    const call = client.execute('a')
    await sent(call, 3)
    world.breakConnections('client', 1)
    await world.run(() => replica.of('execute').length === 4)
    replica.fail(replica.of('execute').at(-1)!.request, 'session-expired')
    expect(await world.settled(failed(call))).toMatchObject({
      ...{ code: 'session-expired', mayHaveExecuted: true, retryable: false },
    })
  })

  test('as false if the state machine refused the command, even after a broken connection', async () => {
    const { client, replica, sent, world } = await rig()
    const call = client.execute('a')
    await sent(call, 3)
    world.breakConnections('client', 1)
    await world.run(() => replica.of('execute').length === 4)
    replica.fail(replica.of('execute').at(-1)!.request, 'command-failed')
    expect(await world.settled(failed(call))).toMatchObject({ mayHaveExecuted: false, retryable: false })
  })

  test('as true if the command was executed, and its result cannot be decoded', async () => {
    const { client, replica, sent, world } = await rig()
    const call = client.execute('a')
    const request = await sent(call, 3)
    // One byte that is no JSON.
    replica.open(request, 0x7f)
    expect(await world.settled(failed(call))).toMatchObject({ code: 'wrong-protocol', mayHaveExecuted: true })
  })

  test('as false for a read', async () => {
    const { client, world } = await rig()
    expect(await world.failure(client.read(0, TIME))).toMatchObject({
      ...{ code: 'outcome-unknown', mayHaveExecuted: false, retryable: true },
    })
  })
})

test('a request that is resumed at a closed replica may have been executed', async () => {
  const world = await World.formed()
  await world.settled(world.replica(1).execute('first'))
  for (const id of [2, 3]) world.isolate(id)
  const { request } = await world.failure(world.replica(1).execute('once', TIME))
  const replica = world.replica(1)
  await world.settled(replica.close())
  expect(await world.failure(replica.execute('once', { resume: request }))).toMatchObject({
    ...{ code: 'closed', mayHaveExecuted: true, retryable: false },
  })
})
