import { expect, test } from 'vitest'
import { World } from './world.js'

const electionTimeoutMs = 500

/** The fsyncs of a server do not end any more. Returns what ends them. */
function stickDisk(world: World, id: number): () => void {
  const server = world.server(id)
  const before = server.syncMs
  server.syncMs = () => Infinity
  return () => {
    server.syncMs = before
    server.process?.unstick()
  }
}

test('a leader with a stuck disk is replaced within three election timeouts, and commands are executed', async () => {
  const world = await World.formed()
  const old = world.leader!
  const unstick = stickDisk(world, old)
  const begunMs = world.clock.now()
  await world.settled(world.replica(old).execute('a'))
  await world.run(() => world.status(old).role !== 'leader')
  expect(world.clock.now() - begunMs).toBeLessThan(3 * electionTimeoutMs)
  expect(world.status(old).journal?.writingMs).toBeGreaterThan(2 * electionTimeoutMs)
  await world.run(() => world.leader !== undefined)
  expect(world.leader).not.toBe(old)
  expect(await world.settled(world.replica(old).execute('b'))).toBe(2)
  unstick()
  await world.converged()
  expect(world.status(old).journal?.writingMs).toBe(0)
})

test('a leader with a slow disk stays', async () => {
  const world = await World.formed()
  const leader = world.leader!
  const { ballot } = world.status(leader)
  world.server(leader).syncMs = () => 1.9 * electionTimeoutMs
  for (let count = 1; count <= 10; count++) await world.settled(world.replica(leader).execute(`${count}`))
  await world.wait(5000)
  expect(world.status(leader)).toMatchObject({ role: 'leader', ballot })
})

test('a leader with a stuck disk but nothing to write stays', async () => {
  const world = await World.formed()
  const leader = world.leader!
  await world.wait(1000)
  stickDisk(world, leader)
  await world.wait(10_000)
  expect(world.status(leader).role).toBe('leader')
})
