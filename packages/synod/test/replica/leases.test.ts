import { describe, expect, test } from 'vitest'
import type { ReplicaOptions } from '../../src/replica/options.js'
import { World } from './world.js'
import type { Notes } from './notes.js'

const LEASE_MS = 400

async function formed(rates: readonly number[] = []): Promise<{ world: World; leader: number }> {
  const world = new World({ leaseMs: LEASE_MS })
  for (const id of world.ids) world.server(id).rate = rates[id - 1] ?? 1
  await world.openAll()
  await world.ready()
  await world.settled(world.replica(1).execute('a'))
  return { world, leader: world.leader! }
}

describe('with leases', () => {
  test('a leader that is cut off answers reads until its lease ends', async () => {
    const { world, leader } = await formed()
    await world.wait(1000)
    expect(world.status(leader).lease).toEqual({ held: true, fastClocks: [] })
    world.isolate(leader)
    for (const endMs = world.clock.now() + LEASE_MS / 2; world.clock.now() < endMs;) {
      await world.wait(10)
      expect(await world.settled(world.replica(leader).read(0))).toEqual(['a'])
    }
    await world.wait(LEASE_MS / 2)
    expect(world.status(leader).lease).toEqual({ held: false, fastClocks: [] })
    const error = await world.failure(world.replica(leader).read(0, { timeoutMs: 1000 }))
    expect(['no-quorum', 'outcome-unknown']).toContain(error.code)
    world.heal()
    expect(await world.settled(world.replica(leader).read(0))).toEqual(['a'])
  })

  test('followers answer reads as without leases', async () => {
    const { world } = await formed()
    for (const id of world.followers) {
      expect(world.status(id).lease).toEqual({ held: false, fastClocks: [] })
      expect(await world.settled(world.replica(id).read(0))).toEqual(['a'])
    }
  })

  test('a killed leader is replaced after its lease, and a closed leader at once', async () => {
    const { world, leader } = await formed()
    await world.wait(1000)
    let begunMs = world.clock.now()
    world.crash(leader)
    await world.run(() => world.leader !== undefined)
    expect(world.clock.now() - begunMs).toBeGreaterThan(LEASE_MS / 2)
    expect(world.clock.now() - begunMs).toBeLessThan(2 * LEASE_MS)
    await world.restart(leader)
    await world.wait(1000)
    begunMs = world.clock.now()
    await world.close(world.leader!)
    await world.run(() => world.leader !== undefined)
    expect(world.clock.now() - begunMs).toBeLessThan(LEASE_MS / 4)
  })

  test('PITFALL 20: clocks that differ too much end them, with a warning', async () => {
    const { world } = await formed([1, 1.5, 1])
    if (world.leader !== 1) await world.settled(world.replica(1).transferLeadership({ to: 1 }))
    await world.run(() => world.status(1).lease?.fastClocks.includes(2) === true)
    expect(world.server(1).log.filter((line) => line.startsWith('warn: the clock of s2'))).toHaveLength(1)
    expect(world.status(1).lease).toEqual({ held: true, fastClocks: [2] })
    // With s3 away, only s2 could be bound.
    world.partition(1, 3)
    await world.wait(LEASE_MS)
    expect(world.status(1)).toMatchObject({ role: 'leader', lease: { held: false, fastClocks: [2] } })
    expect(await world.settled(world.replica(1).read(0))).toEqual(['a'])
  })
})

describe('servers with different leases', () => {
  test('refuse each other', async () => {
    const world = new World({ servers: 2, leaseMs: LEASE_MS })
    await world.open(1)
    const cluster = { servers: { 1: 's1:2380', 2: 's2:2380' } }
    await world.open(2, { cluster })
    await world.wait(3000)
    expect(world.status(1)).toMatchObject({ formed: false, lease: { held: false, fastClocks: [] } })
    expect(world.status(2)).toMatchObject({ formed: false, lease: null })
    const reasons = world.ids.flatMap((id) => world.status(id).peers.map(({ reason }) => reason))
    expect(reasons.join()).toMatch(
      /has a lease of 400 ms; s2 has no lease|has no lease; s1 has a lease of 400 ms/,
    )
  })

  test('do not start on a directory with another lease', async () => {
    const { world } = await formed()
    world.crash(1)
    const servers = { 1: 's1:2380', 2: 's2:2380', 3: 's3:2380' }
    for (const lease of [{}, { leaseMs: 800 }]) {
      const error = await world.failure(world.begin(1, { cluster: { servers, ...lease } }))
      expect(error.code).toBe('wrong-cluster')
      expect(error.message).toMatch(/a lease of 400 ms/)
      world.kill(1)
    }
    await world.restart(1)
  })
})

test.each<[string, Partial<ReplicaOptions<Notes>>, number]>([
  ['is for leader mode', { mode: 'leaderless' }, 400],
  ['at least twice the heartbeat, 100, not 99', {}, 99],
  ['from 0 to 600,000, not 600001', {}, 600_001],
  ['a whole number', {}, 400.5],
])('an invalid lease is refused: %s', async (why, options, leaseMs) => {
  const world = new World({ servers: 1 })
  const error = await world.failure(
    world.begin(1, { ...options, cluster: { servers: { 1: 's1:2380' }, leaseMs } }),
  )
  expect(error.code).toBe('invalid-options')
  expect(error.message).toContain(why)
})
