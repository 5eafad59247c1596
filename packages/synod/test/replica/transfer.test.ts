import { describe, expect, test } from 'vitest'
import { TRANSFER_MS } from '../../src/replica/transfers.js'
import { World } from './world.js'

test('the chosen replica leads after a transfer at any replica, and commands are executed', async () => {
  const world = await World.formed()
  for (const [by, to] of [
    [1, 2],
    [2, 3],
    [2, 1],
  ] as const) {
    await world.settled(world.replica(by).transferLeadership({ to }))
    await world.ready()
    expect(world.leader).toBe(to)
    await world.settled(world.replica(by).execute(`after s${to}`))
  }
  const leader = world.leader!
  await world.settled(world.replica(leader).transferLeadership())
  await world.ready()
  expect(world.leader).not.toBe(leader)
  await world.settled(world.replica(1).transferLeadership({ to: world.leader }))
  await world.converged()
  expect(world.texts(1)).toEqual(['after s2', 'after s3', 'after s1'])
})

test('a transfer takes a few round trips, and loses no request', async () => {
  const world = await World.formed()
  const leader = world.leader!
  const [to] = world.followers
  const client = await world.connect()
  const answers: number[] = []
  const endMs = world.clock.now() + 300
  const working = (async () => {
    while (world.clock.now() < endMs) answers.push(await client.execute('x'))
  })()
  await world.wait(100)
  const begunMs = world.clock.now()
  await world.settled(world.replica(leader).transferLeadership({ to }))
  expect(world.clock.now() - begunMs).toBeLessThan(30)
  await world.settled(working)
  expect(answers).toEqual(answers.map((_, index) => index + 1))
})

describe('a transfer fails', () => {
  test('if the chosen server is down', async () => {
    const world = await World.formed()
    const [gone] = world.followers
    world.kill(gone!)
    const begunMs = world.clock.now()
    await expect(
      world.settled(world.replica(world.leader!).transferLeadership({ to: gone })),
    ).rejects.toMatchObject({
      code: 'transfer-failed',
    })
    expect(world.clock.now() - begunMs).toBeGreaterThanOrEqual(TRANSFER_MS)
  })

  test('if no server leads, in leaderless mode, and for an unknown server', async () => {
    const world = await World.formed()
    await expect(world.replica(1).transferLeadership({ to: 9 })).rejects.toMatchObject({
      code: 'invalid-options',
    })
    for (const id of [2, 3]) world.kill(id)
    await world.run(() => world.status(1).leader === null)
    const failed = world.settled(world.replica(1).transferLeadership())
    await expect(failed).rejects.toMatchObject({ code: 'transfer-failed' })
    const leaderless = await World.formed({ mode: 'leaderless' })
    await expect(leaderless.replica(1).transferLeadership()).rejects.toMatchObject({ code: 'wrong-mode' })
  })
})

test.each([
  ['any server', undefined],
  ['s1', 1],
])('a transfer to %s waits for a leader if none is known', async (_, to) => {
  const world = await World.formed()
  for (const id of [2, 3]) world.kill(id)
  await world.run(() => world.status(1).leader === null)
  const transferred = world.replica(1).transferLeadership({ to })
  for (const id of [2, 3]) await world.restart(id)
  await world.settled(transferred)
  await world.ready()
  if (to !== undefined) expect(world.leader).toBe(to)
  else expect(world.status(1).ballot.seq).toBeGreaterThanOrEqual(3)
})

test('a client asks one replica for a transfer, so that the new leader does not transfer again', async () => {
  const world = await World.formed()
  const client = await world.connect()
  const before = world.leader
  const { ballot } = world.status(1)
  await world.settled(client.transferLeadership())
  await world.wait(2000)
  expect(world.leader).not.toBe(before)
  expect(world.status(1).ballot.seq).toBe(ballot.seq + 1)
})

test('a client does not repeat a transfer if the replica that it asked dies before the answer', async () => {
  const world = await World.formed()
  // The client asks the first replica that it knows.
  const client = await world.connect('client')
  if (world.leader !== 1) await world.settled(world.replica(1).transferLeadership({ to: 1 }))
  const { ballot } = world.status(1)
  world.network.cutWay('s1', 'client')
  const asked = client.transferLeadership()
  await world.run(
    () => world.leader !== 1 && world.running.every((id) => world.status(id).leader === world.leader),
  )
  world.kill(1)
  await expect(world.settled(asked)).rejects.toMatchObject({ code: 'unreachable' })
  await world.wait(2000)
  expect(world.status(2).ballot.seq).toBe(ballot.seq + 1)
})

test('a leader that is closed transfers first, so that no election delays commands', async () => {
  const world = await World.formed()
  const client = await world.connect()
  for (let round = 0; round < 3; round++) {
    const leader = world.leader!
    const begunMs = world.clock.now()
    const executing = client.execute(`${round}`)
    await world.settled(world.replica(leader).close())
    expect(world.leader).not.toBe(leader)
    await world.settled(executing)
    expect(world.clock.now() - begunMs).toBeLessThan(50)
    world.kill(leader)
    await world.restart(leader)
    await world.ready()
  }
})

test('a leader without followers can be closed', async () => {
  const world = await World.formed()
  const leader = world.leader!
  for (const id of world.followers) world.kill(id)
  const begunMs = world.clock.now()
  await world.settled(world.replica(leader).close())
  expect(world.clock.now() - begunMs).toBeLessThan(2000)
})
