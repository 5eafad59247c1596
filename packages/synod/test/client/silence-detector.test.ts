import { describe, expect, test } from 'vitest'
import { SilenceDetector } from '../../src/client/silence-detector.js'
import { Timeline } from '../../../testing/src/simulator/timeline.js'
import { World } from '../replica/world.js'
import { FakeReplica } from './fake-replica.js'

/**
 * Replicas that say what the test has them say, and a client that takes the first of them for the
 * leader.
 */
async function fakeReplicas(mode: 'leader' | 'leaderless' = 'leader') {
  const world = new World({ mode })
  const replicas = [
    await FakeReplica.listen(world, 1, mode),
    await FakeReplica.listen(world, 2, mode),
    await FakeReplica.listen(world, 3, mode),
  ] as const
  const client = await world.connect()
  await world.wait(10)
  for (const replica of replicas) replica.hint(mode === 'leader' ? 1 : 0, 1)
  await world.wait(10)
  return { world, client, replicas }
}

describe('a client whose leader is silent', () => {
  test('asks a second replica and then a third, and takes the first answer', async () => {
    const { client, replicas, world } = await fakeReplicas()
    const asked = () => replicas.map((replica) => replica.of('read').length)
    const read = client.read(0)
    await world.wait(240)
    expect(asked()).toEqual([1, 0, 0])
    await world.wait(300)
    expect(asked()).toEqual([1, 1, 0])
    await world.wait(600)
    expect(asked()).toEqual([1, 1, 1])
    replicas[0].reply(replicas[0].of('read')[0]!.request, ['late'])
    expect(await world.settled(read)).toEqual(['late'])
  })

  test('asks another replica first until the leader sends something', async () => {
    const { client, replicas, world } = await fakeReplicas()
    const [s1, s2] = replicas
    const first = client.read(0)
    await world.run(() => s2.of('read').length === 1)
    s2.reply(s2.of('read')[0]!.request, ['first'])
    await world.settled(first)
    const second = client.read(0)
    await world.wait(10)
    expect([s1.of('read').length, s2.of('read').length]).toEqual([1, 2])
    s2.reply(s2.of('read')[1]!.request, ['second'])
    await world.settled(second)
    s1.hint(1, 1)
    await world.wait(10)
    void client.read(0).catch(() => undefined)
    await world.wait(10)
    expect([s1.of('read').length, s2.of('read').length]).toEqual([2, 2])
  })

  test('asks a new leader at once', async () => {
    const { client, replicas, world } = await fakeReplicas()
    const read = client.read(0)
    await world.wait(10)
    replicas[2].hint(2, 9)
    await world.wait(10)
    expect(replicas.map((replica) => replica.of('read').length)).toEqual([1, 0, 1])
    replicas[2].reply(replicas[2].of('read')[0]!.request, ['by way of s3'])
    expect(await world.settled(read)).toEqual(['by way of s3'])
  })

  test('asks a replica that it connects to later', async () => {
    const world = new World()
    const leader = await FakeReplica.listen(world, 1)
    const client = await world.connect()
    leader.hint(1, 1)
    await world.wait(10)
    const read = client.read(0)
    await world.wait(1000)
    const other = await FakeReplica.listen(world, 2)
    await world.run(() => other.of('read').length === 1)
    other.reply(other.of('read')[0]!.request, ['there'])
    expect(await world.settled(read)).toEqual(['there'])
  })

  test('asks no other replica for a status, which only the replica itself can give', async () => {
    const { client, replicas, world } = await fakeReplicas()
    const asked = client.status({ timeoutMs: 3000 })
    await world.wait(2000)
    expect(replicas.map((replica) => replica.of('status').length)).toEqual([1, 1, 1])
    const statuses = await world.settled(asked)
    expect(statuses.map((each) => 'error' in each)).toEqual([true, true, true])
  })
})

test.each(['leader', 'leaderless'] as const)(
  'in %s mode a stale read and those after it go to other replicas when the first one is silent',
  async (mode) => {
    const { client, replicas, world } = await fakeReplicas(mode)
    const [s1, s2, s3] = replicas
    const asked = () => replicas.map((replica) => replica.of('stale-read').length)
    const first = client.readStale(0)
    await world.run(() => asked().reduce((sum, count) => sum + count) === 2, 501)
    const [other] = [s2, s3].filter((replica) => replica.of('stale-read').length === 1)
    other!.reply(other!.of('stale-read')[0]!.request, ['there'], 5)
    expect(await world.settled(first)).toEqual({ answer: ['there'], slot: 5 })
    const more = [client.readStale(0), client.readStale(0), client.readStale(0)]
    await world.wait(10)
    expect(s1.of('stale-read')).toHaveLength(1)
    for (const replica of [s2, s3])
      for (const { request } of replica.of('stale-read')) replica.reply(request, [], 6)
    await world.settled(Promise.all(more))
  },
)

describe('a replica with an open question', () => {
  class SilenceRig {
    readonly time = new Timeline()
    readonly silentMs: number[] = []
    isAwaited = false
    readonly silence = new SilenceDetector(this.time.clock, {
      isAwaited: () => this.isAwaited,
      onSilent: () => this.silentMs.push(this.time.clock.now()),
    })
  }

  test('is silent 250 to 500 ms after the question, and is reported once', async () => {
    const { silence, silentMs, time } = new SilenceRig()
    await time.wait(1000)
    silence.onAsked()
    await time.wait(100)
    silence.onAsked()
    expect(silence.onReceived()).toBe(false)
    silence.onAsked()
    await time.wait(5000)
    expect(silentMs).toEqual([1500])
    expect(silence.isSilent).toBe(true)
    expect(silence.onReceived()).toBe(true)
    expect(silence.isSilent).toBe(false)
  })

  test('is not silent while it answers about as slowly as before', async () => {
    const { silence, silentMs, time } = new SilenceRig()
    // It has ever more to do: each answer takes a little longer.
    for (let tookMs = 100; tookMs < 4000; tookMs *= 1.2) {
      silence.onAsked()
      await time.wait(tookMs)
      silence.onReceived()
    }
    expect(silentMs).toEqual([])
    silence.onAsked()
    await time.wait(10_000)
    expect(silentMs).toHaveLength(1)
  })

  test('is silent if it answers some questions, and then none', async () => {
    const watched = new SilenceRig()
    watched.isAwaited = true
    watched.silence.onAsked()
    await watched.time.wait(100)
    watched.silence.onReceived()
    await watched.time.wait(1000)
    expect(watched.silentMs).toEqual([750])
  })

  test('is not silent while no question is open, or after its connection has ended', async () => {
    const { silence, silentMs, time } = new SilenceRig()
    silence.onAsked()
    await time.wait(300)
    silence.reset()
    await time.wait(5000)
    expect(silentMs).toEqual([])
  })
})
