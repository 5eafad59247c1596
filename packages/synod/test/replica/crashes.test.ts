import { describe, expect, test } from 'vitest'
import { World } from './world.js'

const MODES = ['leader', 'leaderless'] as const

describe.each(MODES)('in %s mode', (mode) => {
  test.each([1, 2, 3])('acknowledged commands survive the crash of s%i, which catches up', async (victim) => {
    const world = await World.formed({ mode })
    const others = world.ids.filter((id) => id !== victim)
    await world.settled(world.replica(victim).execute('before'))
    world.crash(victim)
    expect(await world.settled(world.replica(others[0]!).execute('meanwhile'))).toBe(2)
    await world.restart(victim)
    expect(await world.settled(world.replica(victim).execute('after'))).toBe(3)
    await world.converged()
    expect(world.texts(victim)).toEqual(['before', 'meanwhile', 'after'])
  })

  test('acknowledged commands survive the crash of all servers', async () => {
    const world = await World.formed({ mode })
    for (let count = 1; count <= 10; count++)
      await world.settled(world.replica((count % 3) + 1).execute(`${count}`))
    for (const id of world.ids) world.crash(id)
    await world.openAll()
    const expected = Array.from({ length: 10 }, (_, index) => `${index + 1}`)
    for (const id of world.ids) expect(await world.settled(world.replica(id).read(0))).toEqual(expected)
    await world.converged()
  })

  test('a torn write at the end of the journal is cut off', async () => {
    const world = await World.formed({ mode })
    await world.settled(world.replica(1).execute('acknowledged'))
    world.server(1).syncMs = () => 50
    const late = world.replica(1).execute('under way')
    await world.wait(10)
    // The size of the file has grown, and what was to be written there has not come.
    const sizes = [0.99, 0.99]
    world.crash(1, () => sizes.shift() ?? 0.6)
    world.server(1).syncMs = () => 1
    await world.restart(1)
    expect(['torn-tail', 'clean']).toContain(world.status(1).recovery)
    expect(world.status(1)).toMatchObject({ voting: true, damage: null })
    expect(await world.settled(world.replica(1).execute('goes on'))).toBeGreaterThan(1)
    late.catch(() => undefined)
    await world.converged()
  })

  test('without a majority a proposal fails as no-quorum in time, and commands are executed again when a server is back', async () => {
    const world = await World.formed({ mode })
    await world.settled(world.replica(1).execute('a'))
    world.crash(2)
    world.crash(3)
    await world.wait(2000)
    const begunMs = world.clock.now()
    const error = await world.failure(world.replica(1).execute('maybe', { timeoutMs: 1500 }))
    expect(error.code).toBe('no-quorum')
    expect(world.clock.now() - begunMs).toBeLessThanOrEqual(1510)
    await world.restart(2)
    await world.settled(world.replica(1).execute('b'))
    await world.converged()
    const texts = world.texts(1).filter((text) => text !== 'maybe')
    expect(texts).toEqual(['a', 'b'])
    expect(world.texts(1).length).toBeLessThanOrEqual(3)
    expect(world.texts(2)).toEqual(world.texts(1))
  })

  test('a proposal with a longer timeout than the outage is executed after it', async () => {
    const world = await World.formed({ mode })
    await world.settled(world.replica(1).execute('a'))
    world.crash(2)
    world.crash(3)
    const patient = world.replica(1).execute('patient', { timeoutMs: 60_000 })
    await world.wait(20_000)
    await world.restart(3)
    expect(await world.settled(patient)).toBe(2)
  })

  test('the first proposal of a replica, which opens its session, is executed after an outage too', async () => {
    const world = await World.formed({ mode })
    world.crash(2)
    world.crash(3)
    const patient = world.replica(1).execute('patient', { timeoutMs: 60_000 })
    patient.catch(() => undefined)
    await world.wait(20_000)
    await world.restart(3)
    expect(await world.settled(patient)).toBe(1)
  })
})

describe('when the leader crashes', () => {
  test('a proposal that waits at a follower is executed once by the new leader', async () => {
    const world = await World.formed()
    const leader = world.leader!
    const [follower] = world.followers
    await world.settled(world.replica(follower!).execute('a'))
    const pending = Array.from({ length: 30 }, (_, index) => world.replica(follower!).execute(`${index}`))
    await world.wait(2)
    world.crash(leader)
    const results = await world.settled(Promise.all(pending))
    expect(new Set(results).size).toBe(30)
    await world.converged()
    expect([...world.texts(follower!)].sort()).toEqual(
      ['a', ...Array.from({ length: 30 }, (_, index) => `${index}`)].sort(),
    )
  })

  test('the followers elect another leader within tens of milliseconds', async () => {
    const world = await World.formed()
    const [follower] = world.followers
    await world.settled(world.replica(follower!).execute('a'))
    const begunMs = world.clock.now()
    world.crash(world.leader!)
    await world.settled(world.replica(follower!).execute('b'))
    expect(world.clock.now() - begunMs).toBeLessThan(150)
  })

  test('or is only cut off, the followers elect another leader, and the old one follows after the cut', async () => {
    const world = await World.formed()
    const leader = world.leader!
    const [follower] = world.followers
    world.isolate(leader)
    expect(await world.settled(world.replica(follower!).execute('a'))).toBe(1)
    expect(world.status(leader).role).toBe('follower')
    world.heal()
    expect(await world.settled(world.replica(leader).execute('b'))).toBe(2)
    await world.converged()
  })

  test('a proposal that waits at the old leader is executed once after it is back', async () => {
    const world = await World.formed()
    const leader = world.leader!
    const [follower] = world.followers
    await world.settled(world.replica(leader).execute('a'))
    world.isolate(leader)
    const pending = world.replica(leader).execute('stuck')
    await world.settled(world.replica(follower!).execute('b'))
    world.heal()
    expect(await world.settled(pending)).toBe(3)
    await world.converged()
    expect(world.texts(leader)).toEqual(['a', 'b', 'stuck'])
  })
})

test('a proposal that arrives after its call timed out is executed at most once', async () => {
  const world = await World.formed()
  const [follower] = world.followers
  await world.settled(world.replica(follower!).execute('a'))
  world.partition(follower!, world.leader!)
  const error = await world.failure(world.replica(follower!).execute('late', { timeoutMs: 100 }))
  expect(['outcome-unknown', 'no-quorum']).toContain(error.code)
  world.heal()
  await world.wait(3000)
  await world.settled(world.replica(follower!).execute('b'))
  await world.converged()
  expect(world.texts(1).filter((text) => text === 'late').length).toBeLessThanOrEqual(1)
})
