import { describe, expect, test } from 'vitest'
import { World } from './world.js'

const NO_BARS = { snapshotted: 0, executed: 0, chosen: 0, voted: 0 }

describe('the status of a replica', () => {
  test('before the cluster has formed', async () => {
    const world = new World()
    await world.open(1)
    await world.open(2)
    await world.wait(100)
    const status = world.status(1)
    expect(status).toMatchObject({
      server: 1,
      cluster: 'synod',
      mode: 'leader',
      role: 'follower',
      ballot: { seq: 0, server: 0 },
      leader: null,
      formed: false,
      voting: true,
      damage: null,
      watermarks: NO_BARS,
      digest: 0,
      sessions: 0,
      waiting: 0,
      clients: 0,
      recovery: 'new',
    })
    expect(status.peers.map(({ server, up, address }) => [server, up, address])).toEqual([
      [2, true, 's2:2380'],
      [3, false, 's3:2380'],
    ])
    expect(status.peers[1]?.reason).toBe('refused')
    expect(status.uptimeMs).toBeGreaterThan(0)
  })

  test('of a leader and of a follower', async () => {
    const world = await World.formed()
    const leader = world.leader!
    const [follower] = world.followers
    await world.settled(world.replica(follower!).execute('a'))
    await world.converged()
    const [of, other] = [world.status(leader), world.status(follower!)]
    expect(of).toMatchObject({ role: 'leader', leader, formed: true, voting: true, sessions: 1 })
    expect(other).toMatchObject({ role: 'follower', leader, formed: true, voting: true, sessions: 1 })
    expect(of.ballot).toMatchObject({ server: leader })
    expect(other.ballot).toEqual(of.ballot)
    expect(of.watermarks).toEqual({ snapshotted: 0, executed: 2, chosen: 2, voted: 2 })
    expect(of.digest).not.toBe(0)
    expect(other.digest).toBe(of.digest)
    expect(of.journal?.fsyncs).toBeGreaterThan(0)
    expect(of.peers.every(({ up }) => up)).toBe(true)
  })

  test('in leaderless mode', async () => {
    const world = await World.formed({ mode: 'leaderless' })
    await world.settled(world.replica(1).execute('a'))
    expect(world.status(1)).toMatchObject({
      mode: 'leaderless',
      role: 'proposer',
      leader: null,
      ballot: { seq: 0, server: 0 },
    })
  })

  test('counts waiting requests and connected clients', async () => {
    const world = await World.formed()
    const client = await world.connect()
    await world.run(() => world.status(1).clients === 1)
    const [follower] = world.followers
    await world.settled(world.replica(follower!).execute('a'))
    world.isolate(follower!)
    const calls = [
      world.replica(follower!).execute('b'),
      world.replica(follower!).execute('c'),
      world.replica(follower!).read(0),
    ]
    await world.wait(10)
    expect(world.status(follower!).waiting).toBe(3)
    world.heal()
    await world.settled(Promise.all(calls))
    expect(world.status(follower!).waiting).toBe(0)
    await world.settled(client.close())
    await world.run(() => world.status(1).clients === 0)
  })

  test('is sent to a client even before the cluster has formed', async () => {
    const world = new World()
    await world.open(1)
    const client = await world.connect()
    const [first] = await world.settled(client.status({ timeoutMs: 1000 }))
    expect(first).toMatchObject({ status: { server: 1, formed: false } })
  })

  test('shows after a restart how the journal was found', async () => {
    const world = await World.formed()
    world.crash(1)
    await world.restart(1)
    expect(world.status(1)).toMatchObject({ recovery: 'clean', formed: true })
  })

  test('is plain data', async () => {
    const world = await World.formed()
    const status = world.status(1)
    expect(structuredClone(status)).toEqual(status)
    expect(JSON.parse(JSON.stringify(status))).toMatchObject({ server: 1 })
  })
})
