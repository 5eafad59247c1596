import { describe, expect, test } from 'vitest'
import { World } from '../replica/world.js'
import { FakeReplica } from './fake-replica.js'

/** Replicas that say what the test has them say. */
async function fakeReplicas(
  mode: 'leader' | 'leaderless' = 'leader',
  options: Parameters<World['connect']>[1] = {},
) {
  const world = new World({ mode })
  const replicas = [
    await FakeReplica.listen(world, 1, mode),
    await FakeReplica.listen(world, 2, mode),
    await FakeReplica.listen(world, 3, mode),
  ] as const
  const client = await world.connect('client', options)
  await world.wait(10)
  return { world, client, replicas }
}

describe('in leader mode a client', () => {
  test('asks the leader alone', async () => {
    const { client, replicas, world } = await fakeReplicas()
    const [s1, s2, s3] = replicas
    for (const replica of replicas) replica.hint(1, 2)
    await world.wait(10)
    const read = client.read(0)
    await world.wait(10)
    expect([s1, s2, s3].map((replica) => replica.of('read').length)).toEqual([0, 1, 0])
    s2.reply(s2.of('read')[0]!.request, ['a'])
    expect(await world.settled(read)).toEqual(['a'])
  })

  test('asks any replica until it learns of a leader, and then the leader', async () => {
    const { client, replicas, world } = await fakeReplicas()
    const [s1, s2, s3] = replicas
    const read = client.read(0)
    await world.wait(10)
    expect(replicas.map((replica) => replica.of('read').length)).toEqual([1, 0, 0])
    s2.hint(1, 3)
    await world.wait(10)
    expect(replicas.map((replica) => replica.of('read').length)).toEqual([1, 0, 1])
    s1.reply(s1.of('read')[0]!.request, ['from either'])
    s3.reply(s3.of('read')[0]!.request, ['from either'])
    expect(await world.settled(read)).toEqual(['from either'])
  })

  test('asks a new leader again for every call without an answer', async () => {
    const { client, replicas, world } = await fakeReplicas()
    const [s1, s2] = replicas
    s1.hint(1, 1)
    await world.wait(10)
    const reads = [client.read(0), client.read(1)]
    await world.wait(10)
    s2.hint(2, 2)
    await world.wait(10)
    expect(s2.of('read')).toHaveLength(2)
    for (const { request } of s2.of('read')) s2.reply(request, [])
    await world.settled(Promise.all(reads))
  })

  test('asks another replica when the connection breaks', async () => {
    const { client, replicas, world } = await fakeReplicas()
    const [s1, s2] = replicas
    s1.hint(1, 1)
    await world.wait(10)
    const read = client.read(0)
    await world.wait(10)
    world.network.kill('s1')
    await world.wait(10)
    const { request } = s2.of('read')[0]!
    s2.reply(request, ['from s2'])
    expect(await world.settled(read)).toEqual(['from s2'])
  })

  test('asks followers while it cannot reach the leader', async () => {
    const { client, replicas, world } = await fakeReplicas()
    const [, s2] = replicas
    world.network.kill('s1')
    s2.hint(5, 1)
    await world.wait(10)
    const read = client.read(0)
    await world.wait(10)
    s2.reply(s2.of('read')[0]!.request, ['by s2'])
    expect(await world.settled(read)).toEqual(['by s2'])
  })
})

describe('in leaderless mode a client', () => {
  test('asks every replica, and takes the first answer', async () => {
    const { client, replicas, world } = await fakeReplicas('leaderless')
    const read = client.read(0)
    await world.wait(10)
    expect(replicas.map((replica) => replica.of('read').length)).toEqual([1, 1, 1])
    replicas[1].reply(replicas[1].of('read')[0]!.request, ['first'])
    expect(await world.settled(read)).toEqual(['first'])
    replicas[0].reply(replicas[0].of('read')[0]!.request, ['late'])
    await world.wait(10)
  })

  test('waits for the other replicas when one is overloaded', async () => {
    const { client, replicas, world } = await fakeReplicas('leaderless')
    const [s1, s2, s3] = replicas
    const read = client.read(0)
    await world.wait(10)
    const { request } = s1.of('read')[0]!
    s1.fail(request, 'overloaded')
    await world.wait(10)
    s2.reply(request, ['yes'])
    expect(await world.settled(read)).toEqual(['yes'])

    const hopeless = client.read(0)
    await world.wait(100)
    for (const replica of [s1, s2, s3]) replica.fail(replica.of('read').at(-1)!.request, 'overloaded')
    expect(await world.failure(hopeless)).toMatchObject({ code: 'overloaded' })
  })
})

describe('in leaderless mode a client asks the replica that answered last', () => {
  /** s2 has answered. */
  async function withFavourite(options?: Parameters<World['connect']>[1]) {
    const { client, replicas, world } = await fakeReplicas('leaderless', options)
    const first = client.read(0)
    await world.wait(3)
    replicas[1].reply(replicas[1].of('read')[0]!.request, [])
    await world.settled(first)
    /** How many questions each replica has been asked since. */
    const asked = () => replicas.map((replica) => replica.of('read').length - 1)
    return { asked, client, replicas, world }
  }

  test('alone', async () => {
    const { asked, client, replicas, world } = await withFavourite()
    const read = client.read(0)
    await world.wait(5)
    expect(asked()).toEqual([0, 1, 0])
    replicas[1].reply(replicas[1].of('read')[1]!.request, ['again'])
    expect(await world.settled(read)).toEqual(['again'])
    await world.wait(100)
    expect(asked()).toEqual([0, 1, 0])
  })

  test('and all when that is late; then the one that answered', async () => {
    const { asked, client, replicas, world } = await withFavourite()
    const read = client.read(0)
    await world.wait(50)
    expect(asked()).toEqual([1, 1, 1])
    replicas[2].reply(replicas[2].of('read')[1]!.request, ['by s3'])
    expect(await world.settled(read)).toEqual(['by s3'])
    const next = client.read(0)
    await world.wait(5)
    expect(asked()).toEqual([1, 1, 2])
    replicas[2].reply(replicas[2].of('read')[2]!.request, [])
    await world.settled(next)
  })

  test('and is more patient where answers take longer', async () => {
    const { asked, client, replicas, world } = await withFavourite()
    for (const [round, latencyMs] of [8, 15, 25, 40].entries()) {
      const read = client.read(0)
      await world.wait(latencyMs)
      expect(asked()[0]).toBe(0)
      replicas[1].reply(replicas[1].of('read')[round + 1]!.request, [])
      await world.settled(read)
    }
  })

  test('and the others at once when it cannot take the question', async () => {
    const { asked, client, replicas, world } = await withFavourite()
    const read = client.read(0)
    await world.wait(3)
    replicas[1].fail(replicas[1].of('read')[1]!.request, 'disk-full')
    await world.wait(3)
    expect(asked()).toEqual([1, 1, 1])
    replicas[0].reply(replicas[0].of('read')[1]!.request, ['by s1'])
    expect(await world.settled(read)).toEqual(['by s1'])
  })

  test('and no other one while it is overloaded', async () => {
    const { asked, client, replicas, world } = await withFavourite()
    const read = client.read(0)
    await world.wait(3)
    replicas[1].fail(replicas[1].of('read')[1]!.request, 'overloaded', 200)
    await world.run(() => asked()[1] === 2)
    expect(asked()).toEqual([0, 2, 0])
    replicas[1].reply(replicas[1].of('read')[2]!.request, [])
    await world.settled(read)
  })

  test('and fails when none can take it', async () => {
    const { client, replicas, world } = await withFavourite()
    const read = client.read(0)
    await world.wait(3)
    replicas[1].fail(replicas[1].of('read')[1]!.request, 'disk-full')
    await world.wait(3)
    for (const index of [0, 2] as const)
      replicas[index].fail(replicas[index].of('read')[1]!.request, 'disk-full')
    expect(await world.failure(read)).toMatchObject({ code: 'disk-full' })
  })

  test('and the others when its connection breaks, or it reaches no quorum', async () => {
    const { asked, client, replicas, world } = await withFavourite()
    replicas[1].hint(0, 0)
    await world.wait(3)
    const first = client.read(0)
    await world.wait(3)
    expect(asked()).toEqual([1, 1, 1])
    replicas[0].reply(replicas[0].of('read')[1]!.request, [])
    await world.settled(first)
    const second = client.read(0)
    await world.wait(3)
    world.network.kill('s1')
    await world.wait(3)
    expect(asked()).toEqual([2, 2, 2])
    replicas[2].reply(replicas[2].of('read')[2]!.request, ['by s3'])
    expect(await world.settled(second)).toEqual(['by s3'])
  })

  test('but all, each time, if it is told to broadcast', async () => {
    const { asked, client, replicas, world } = await withFavourite({ broadcast: true })
    const read = client.read(0)
    await world.wait(3)
    expect(asked()).toEqual([1, 1, 1])
    replicas[0].reply(replicas[0].of('read')[1]!.request, [])
    await world.settled(read)
  })
})

describe('a call that is refused as overloaded', () => {
  /** One leader, and a client that knows it. */
  async function leaderAndClient(options?: { readonly retryOverloaded?: boolean }) {
    const { replicas, world } = await fakeReplicas()
    const [s1] = replicas
    const client = await world.connect('retrying', options)
    s1.hint(1, 1)
    await world.wait(10)
    return { client, s1, world }
  }

  /** How long after each refusal, with this hint, the question was asked again. */
  async function retryDelays(
    { s1, world }: Awaited<ReturnType<typeof leaderAndClient>>,
    retryAfterMs: number,
    refusals: number,
  ) {
    const waited: number[] = []
    for (let count = 1; count <= refusals; count++) {
      await world.run(() => s1.of('read').length === count)
      const refusedMs = world.clock.now()
      s1.fail(s1.of('read').at(-1)!.request, 'overloaded', retryAfterMs)
      await world.run(() => s1.of('read').length === count + 1)
      waited.push(world.clock.now() - refusedMs)
    }
    return waited
  }

  test('is repeated after the given delay, which doubles each time, plus up to as much again at random', async () => {
    const scene = await leaderAndClient()
    const read = scene.client.read(0, { timeoutMs: 60_000 })
    const waited = await retryDelays(scene, 100, 4)
    for (const [index, waitMs] of waited.entries()) {
      expect(waitMs).toBeGreaterThanOrEqual(100 * 2 ** index)
      expect(waitMs).toBeLessThan(200 * 2 ** index + 10)
    }
    scene.s1.reply(scene.s1.of('read').at(-1)!.request, ['done'])
    expect(await scene.world.settled(read)).toEqual(['done'])
  })

  test('is repeated at a random time, so that calls refused together return apart', async () => {
    const { client, s1, world } = await leaderAndClient()
    const reads = Array.from({ length: 100 }, () => client.read(0))
    await world.run(() => s1.of('read').length === 100)
    for (const { request } of s1.of('read')) s1.fail(request, 'overloaded', 100)
    await world.wait(155)
    const half = s1.of('read').length - 100
    expect(half).toBeGreaterThan(25)
    expect(half).toBeLessThan(75)
    await world.wait(60)
    for (const { request } of s1.of('read').slice(100)) s1.reply(request, [])
    await world.settled(Promise.all(reads))
  })

  test('fails at once with the delay if the delay exceeds its timeout', async () => {
    const { client, s1, world } = await leaderAndClient()
    const read = client.read(0, { timeoutMs: 1000 })
    await world.wait(10)
    const begunMs = world.clock.now()
    s1.fail(s1.of('read')[0]!.request, 'overloaded', 1000)
    expect(await world.failure(read)).toMatchObject({ code: 'overloaded', retryAfterMs: 1000 })
    expect(world.clock.now() - begunMs).toBeLessThan(10)
  })

  test('fails at once if retryOverloaded is off', async () => {
    const { client, s1, world } = await leaderAndClient({ retryOverloaded: false })
    const read = client.read(0)
    await world.wait(10)
    s1.fail(s1.of('read')[0]!.request, 'overloaded', 20)
    expect(await world.failure(read)).toMatchObject({ code: 'overloaded', retryAfterMs: 20 })
  })

  test('is not repeated after its caller gave up', async () => {
    const { client, s1, world } = await leaderAndClient()
    const abort = new AbortController()
    const read = client.read(0, { signal: abort.signal })
    await world.wait(10)
    s1.fail(s1.of('read')[0]!.request, 'overloaded', 50)
    await world.wait(10)
    abort.abort()
    expect(await world.failure(read)).toMatchObject({ code: 'aborted' })
    await world.wait(200)
    expect(s1.of('read')).toHaveLength(1)
  })

  test('is sent to a new leader at once, and only once', async () => {
    const { client, replicas, world } = await fakeReplicas()
    const [s1, s2] = replicas
    s1.hint(1, 1)
    await world.wait(10)
    const read = client.read(0)
    await world.wait(10)
    s1.fail(s1.of('read')[0]!.request, 'overloaded', 300)
    await world.wait(10)
    // It says something now and then: a silent replica is not asked alone.
    for (let time = 0; time < 5; time++) {
      s2.hint(2, 2)
      await world.wait(200)
    }
    expect(s2.of('read')).toHaveLength(1)
    expect(s1.of('read')).toHaveLength(1)
    s2.reply(s2.of('read')[0]!.request, ['by s2'])
    expect(await world.settled(read)).toEqual(['by s2'])
  })

  test('in leaderless mode, is repeated after the shortest delay when all replicas refuse it', async () => {
    const { client, replicas, world } = await fakeReplicas('leaderless')
    const read = client.read(0)
    await world.wait(10)
    for (const [index, replica] of replicas.entries())
      replica.fail(replica.of('read')[0]!.request, 'overloaded', [400, 100, 300][index])
    await world.wait(90)
    expect(replicas.map((replica) => replica.of('read').length)).toEqual([1, 1, 1])
    await world.wait(130)
    expect(replicas.map((replica) => replica.of('read').length)).toEqual([2, 2, 2])
    replicas[2].reply(replicas[2].of('read')[1]!.request, ['yes'])
    expect(await world.settled(read)).toEqual(['yes'])
  })
})

describe('a call whose caller gives up', () => {
  test('is cancelled at every replica that was asked', async () => {
    const { client, replicas, world } = await fakeReplicas('leaderless')
    const abort = new AbortController()
    const read = client.read(0, { signal: abort.signal })
    await world.wait(10)
    const { request } = replicas[0].of('read')[0]!
    abort.abort()
    expect(await world.failure(read)).toMatchObject({ code: 'aborted' })
    await world.wait(10)
    for (const replica of replicas) expect(replica.of('cancel')).toEqual([{ type: 'cancel', request }])
  })

  test('is cancelled when it times out', async () => {
    const { client, replicas, world } = await fakeReplicas()
    replicas[0].hint(1, 1)
    await world.wait(10)
    expect(await world.failure(client.read(0, { timeoutMs: 100 }))).toMatchObject({
      code: 'outcome-unknown',
    })
    await world.wait(10)
    expect(replicas[0].of('cancel')).toHaveLength(1)
  })

  test('is not cancelled if it was answered', async () => {
    const { client, replicas, world } = await fakeReplicas()
    const read = client.read(0)
    await world.wait(10)
    replicas[0].reply(replicas[0].of('read')[0]!.request, [])
    await world.settled(read)
    await world.wait(1000)
    expect(replicas.flatMap((replica) => replica.of('cancel'))).toEqual([])
  })

  test('is not sent if its signal was aborted before', async () => {
    const { client, replicas, world } = await fakeReplicas()
    const signal = AbortSignal.abort()
    expect(await world.failure(client.execute('a', { signal }))).toMatchObject({ code: 'aborted' })
    expect(await world.failure(client.read(0, { signal }))).toMatchObject({ code: 'aborted' })
    await world.wait(10)
    expect(replicas.flatMap((replica) => replica.of('read'))).toEqual([])
  })
})

describe('a session that has expired', () => {
  test('fails the call, and the next call opens a new session', async () => {
    const { client, replicas, world } = await fakeReplicas()
    const [s1] = replicas
    s1.hint(1, 1)
    const first = client.execute('a')
    await world.wait(10)
    s1.open(s1.of('execute')[0]!.request, 7)
    await world.wait(10)
    s1.fail(s1.of('execute')[1]!.request, 'session-expired')
    expect(await world.failure(first)).toMatchObject({ code: 'session-expired' })
    const second = client.execute('b')
    await world.wait(10)
    s1.open(s1.of('execute')[2]!.request, 8)
    await world.wait(10)
    s1.reply(s1.of('execute')[3]!.request, 1)
    expect(await world.settled(second)).toBe(1)
  })
})

describe.each(['leader', 'leaderless'] as const)('a stale read of a client in %s mode', (mode) => {
  test('goes to one replica, and the next read to another one, independent of the leader', async () => {
    const { client, replicas, world } = await fakeReplicas(mode)
    replicas[0].hint(mode === 'leader' ? 1 : 0, 1)
    await world.wait(10)
    const reads = [client.readStale(0), client.readStale(1), client.readStale(2, { atLeast: 9 })]
    await world.wait(10)
    const asked = replicas.map((replica) => replica.of('stale-read'))
    expect(asked.map(({ length }) => length)).toEqual([1, 1, 1])
    expect(asked.map(([message]) => message?.atLeast)).toEqual([0, 0, 9])
    for (const [index, replica] of replicas.entries())
      replica.reply(asked[index]![0]!.request, [], 10 + index)
    expect((await world.settled(Promise.all(reads))).map(({ slot }) => slot)).toEqual([10, 11, 12])
    expect(client.seen).toBe(12)
  })

  test('goes to another replica when the connection breaks, also if another one leads', async () => {
    const { client, replicas, world } = await fakeReplicas(mode)
    const read = client.readStale(0)
    await world.wait(10)
    if (mode === 'leader') replicas[1].hint(3, 2)
    await world.wait(10)
    expect(replicas.map((replica) => replica.of('stale-read').length)).toEqual([1, 0, 0])
    world.network.kill('s1')
    await world.wait(10)
    const other = replicas.find((replica, index) => index > 0 && replica.of('stale-read').length > 0)!
    other.reply(other.of('stale-read')[0]!.request, ['there'], 5)
    expect(await world.settled(read)).toEqual({ answer: ['there'], slot: 5 })
  })

  test('fails as too-stale after its timeout', async () => {
    const { client, world } = await fakeReplicas(mode)
    const read = client.readStale(0, { atLeast: 5, timeoutMs: 300 })
    expect(await world.failure(read)).toMatchObject({ code: 'too-stale' })
  })
})
