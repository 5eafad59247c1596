import { describe, expect, test } from 'vitest'
import { MAX_COMMAND_BYTES } from '../../src/replica/options.js'
import { keyOf } from '../machine/keys.js'
import { MAX_WAITING_REQUESTS, WaitingRequests } from '../../src/replica/waiting-requests.js'
import { World } from './world.js'

const MODES = ['leader', 'leaderless'] as const

describe.each(MODES)('in %s mode', (mode) => {
  test('every replica takes proposals and returns results', async () => {
    const world = await World.formed({ mode })
    for (const id of world.ids) expect(await world.settled(world.replica(id).execute(`from s${id}`))).toBe(id)
    await world.converged()
    for (const id of world.ids) expect(world.texts(id)).toEqual(['from s1', 'from s2', 'from s3'])
  })

  test('simultaneous proposals on all replicas are executed once each, in one order', async () => {
    const world = await World.formed({ mode })
    const proposals = world.ids.flatMap((id) =>
      Array.from({ length: 20 }, (_, index) => world.replica(id).execute(`${id}/${index}`)),
    )
    const results = await world.settled(Promise.all(proposals))
    expect([...results].sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1))
    await world.converged()
    expect(new Set(world.texts(1)).size).toBe(60)
    expect(world.texts(2)).toEqual(world.texts(1))
  })

  test('an error of the state machine is command-failed, and the next command is executed', async () => {
    const world = await World.formed({ mode })
    expect(await world.failure(world.replica(2).execute('!bad'))).toMatchObject({
      code: 'command-failed',
      message: 'refused: !bad',
    })
    expect(await world.settled(world.replica(2).execute('good'))).toBe(1)
    expect(await world.failure(world.replica(2).read(-1))).toMatchObject({ code: 'command-failed' })
  })

  test('the time in the state machine does not go back when the clocks differ', async () => {
    const world = await World.formed({ mode })
    world.server(1).skewMs = 60_000
    for (const id of [1, 2, 3, 1]) await world.settled(world.replica(id).execute(`s${id}`))
    await world.converged()
    const times = world.server(2).machine.notes.map(({ timeMs }) => timeMs)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    expect(world.server(3).machine.notes).toEqual(world.server(2).machine.notes)
  })

  test('a command of the largest size is executed, and a larger one is too-large', async () => {
    const world = await World.formed({ mode })
    const largest = 'x'.repeat(MAX_COMMAND_BYTES - 2)
    expect(await world.settled(world.replica(1).execute(largest))).toBe(1)
    expect(await world.failure(world.replica(1).execute(`${largest}x`))).toMatchObject({ code: 'too-large' })
    expect(await world.settled(world.replica(2).execute('small'))).toBe(2)
  })

  test('a call with an aborted signal is never proposed', async () => {
    const world = await World.formed({ mode })
    const signal = AbortSignal.abort()
    expect(await world.failure(world.replica(1).execute('a', { signal }))).toMatchObject({ code: 'aborted' })
    expect(await world.failure(world.replica(1).read(0, { signal }))).toMatchObject({ code: 'aborted' })
    expect(await world.settled(world.replica(1).execute('b'))).toBe(1)
    expect(world.texts(1)).toEqual(['b'])
  })

  test('a call that is aborted while it is under way rejects at once, and no longer waits', async () => {
    const world = await World.formed({ mode })
    for (const id of [2, 3]) world.partition(1, id)
    const abort = new AbortController()
    const calls = [
      world.replica(1).execute('a', { signal: abort.signal }),
      world.replica(1).read(0, { signal: abort.signal }),
    ]
    for (const call of calls) call.catch(() => undefined)
    await world.wait(50)
    const begunMs = world.clock.now()
    abort.abort()
    for (const call of calls) expect(await world.failure(call)).toMatchObject({ code: 'aborted' })
    expect(world.clock.now()).toBe(begunMs)
    world.heal()
    // At most the request that opens the session is left, which belongs to no caller.
    await world.run(() => world.status(1).waiting === 0)
    await world.settled(world.replica(1).execute('b'))
    expect(world.texts(1).filter((text) => text === 'b')).toHaveLength(1)
  })

  test('close rejects waiting calls as closed, and releases the directory', async () => {
    const world = await World.formed({ mode })
    await world.settled(world.replica(1).execute('a'))
    for (const id of [2, 3]) world.partition(1, id)
    const calls = [world.replica(1).execute('b'), world.replica(1).read(0)]
    for (const call of calls) call.catch(() => undefined)
    await world.wait(5)
    const replica = world.replica(1)
    await world.settled(replica.close())
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'closed' })
    await expect(replica.execute('c')).rejects.toMatchObject({ code: 'closed' })
    await expect(replica.read(0)).rejects.toMatchObject({ code: 'closed' })
    expect(world.server(1).fatal).toBeUndefined()

    // In the same process: nothing but the replica itself was holding the directory.
    world.server(1).process!.alive = true
    world.network.kill('s1')
    world.server(1).process!.kill()
    world.heal()
    await world.open(1)
    await world.run(() => world.texts(1).includes('a'))
  })

  test('close can be repeated, and waits for the first close', async () => {
    const world = await World.formed({ mode })
    const replica = world.replica(1)
    await world.settled(Promise.all([replica.close(), replica.close()]))
    await world.settled(replica.close())
  })

  test('await using closes the replica', async () => {
    const world = new World({ servers: 1, mode })
    let kept
    {
      await using replica = await world.open(1)
      kept = replica
      expect(await world.settled(replica.execute('a'))).toBe(1)
      // Disposal waits for the network and the disk, which wait for the clock.
      const turning = world.wait(2000)
      await replica.close()
      await turning
    }
    await expect(kept.execute('b')).rejects.toMatchObject({ code: 'closed' })
  })
})

describe('a replica has a limit', () => {
  test('of waiting reads', async () => {
    const world = await World.formed()
    // Nothing else waits.
    await world.raised()
    world.isolate(1)
    const waiting = Array.from({ length: MAX_WAITING_REQUESTS }, () => world.replica(1).read(0))
    for (const read of waiting) read.catch(() => undefined)
    const refused = world.replica(1).read(0, { timeoutMs: 100 })
    await expect(refused).rejects.toMatchObject({ code: 'overloaded' })
    // Nor does it time out later, as an unhandled rejection.
    await world.wait(200)
    expect(world.status(1).waiting).toBe(MAX_WAITING_REQUESTS)
    world.crash(1)
  })

  test('of waiting requests, and takes more when some are done', () => {
    const requests = new WaitingRequests()
    const value = new Uint8Array(0)
    const submit = (number: number) =>
      requests.submit({ session: keyOf(number), sequence: 1 }, value, 0, { done: () => undefined })
    for (let number = 1; number <= MAX_WAITING_REQUESTS; number++) submit(number)
    expect(() => submit(0)).toThrow(expect.objectContaining({ code: 'overloaded' }))
    const request = { session: keyOf(1), sequence: 1 }
    const done = { request, outcome: { status: 'done', result: value } } as const
    requests.executed(done, 0)
    submit(MAX_WAITING_REQUESTS + 1)
    expect(requests.size).toBe(MAX_WAITING_REQUESTS)
  })

  test('of bytes of waiting requests', () => {
    const requests = new WaitingRequests()
    const value = new Uint8Array(64 << 20)
    for (let sequence = 1; sequence <= 4; sequence++)
      requests.submit({ session: keyOf(1), sequence }, value, 0, { done: () => undefined })
    const one = new Uint8Array(1)
    expect(() =>
      requests.submit({ session: keyOf(1), sequence: 5 }, one, 0, { done: () => undefined }),
    ).toThrow(expect.objectContaining({ code: 'overloaded' }))
  })
})
