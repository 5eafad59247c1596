import { describe, expect, test } from 'vitest'
import { World } from '../replica/world.js'

describe('a client', () => {
  test('dials no replica before its first call', async () => {
    const world = await World.formed()
    const client = world.newClient()
    const dials = world.network.dials.length
    await world.wait(5000)
    expect(world.network.dials).toHaveLength(dials)
    expect(await world.settled(client.execute('a'))).toBe(1)
    expect(client.seen).toBeGreaterThan(0)
  })

  test('connects for a read too', async () => {
    const world = await World.formed()
    expect(await world.settled(world.newClient('one').read(0))).toEqual([])
    expect(await world.settled(world.newClient('two').readStale(0))).toMatchObject({ answer: [] })
  })

  test('asks each endpoint for its status once the dial has succeeded or failed', async () => {
    const world = await World.formed()
    world.crash(3)
    const statuses = await world.settled(world.newClient().status())
    expect(statuses.map((its) => ('status' in its ? its.status.server : 'none'))).toEqual([1, 2, 'none'])
    expect(statuses[2]).toMatchObject({ error: { code: 'unreachable' } })
  })

  test.each([1, 2])('can transfer the leadership and save a snapshot though s%s is down', async (gone) => {
    const world = await World.formed()
    world.crash(gone)
    await world.run(() => world.leader !== undefined && world.leader !== gone)
    await world.settled(world.newClient('one').transferLeadership())
    // Its state machine has no snapshots, as a replica that could be reached says.
    expect(await world.failure(world.newClient('two').saveSnapshot())).toMatchObject({
      code: 'snapshot-failed',
    })
  })

  test('is ready when a replica has welcomed it', async () => {
    const world = new World({ servers: 1 })
    const client = world.newClient()
    const ready = client.ready()
    await world.wait(2000)
    await world.open(1)
    await world.settled(ready)
  })

  test('dials no replica if it is closed before its first call', async () => {
    const world = await World.formed()
    const client = world.newClient()
    await client.close()
    const dials = world.network.dials.length
    expect(await world.failure(client.execute('a'))).toMatchObject({ code: 'closed', mayHaveExecuted: false })
    expect(await world.failure(client.ready())).toMatchObject({ code: 'closed' })
    expect((await world.settled(client.status())).every((its) => 'error' in its)).toBe(true)
    expect(world.network.dials).toHaveLength(dials)
  })
})
