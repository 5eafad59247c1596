import { expect, test } from 'vitest'
import { World } from './world.js'

const WARNING = 'warn: this process stood still for'

function warnings(world: World, id: number): string[] {
  return world.server(id).log.filter((line) => line.startsWith(WARNING))
}

/** The process of a server stands still. */
async function pause(world: World, id: number, durationMs: number): Promise<void> {
  const { process } = world.server(id)
  process?.pause()
  await world.wait(durationMs)
  process?.resume()
  await world.wait(0)
}

test('a process that never stood still reports no stalls', async () => {
  const world = await World.formed()
  await world.wait(10_000)
  expect(world.status(1).stalls).toEqual({ count: 0, longestMs: 0 })
})

test('each stall is counted, and the longest one is kept', async () => {
  const world = await World.formed()
  for (const durationMs of [1000, 3000, 200]) {
    await pause(world, 1, durationMs)
    await world.wait(1000)
  }
  const { count, longestMs } = world.status(1).stalls
  expect(count).toBe(3)
  expect(longestMs).toBeGreaterThan(2800)
  expect(longestMs).toBeLessThanOrEqual(3000)
  expect(world.status(2).stalls.count).toBe(0)
})

test('a stall long enough to cost the leadership is logged, and a short one is not', async () => {
  const world = await World.formed()
  await pause(world, 1, 200)
  await world.wait(1000)
  expect(warnings(world, 1)).toEqual([])
  await pause(world, 1, 1000)
  await world.wait(1000)
  expect(warnings(world, 1)).toHaveLength(1)
})

test('a closed replica no longer looks for stalls', async () => {
  const world = await World.formed({ servers: 1 })
  await world.settled(world.replica(1).close())
  await world.wait(1000)
  const { steps } = world.clock
  await world.wait(10_000)
  expect(world.clock.steps).toBe(steps)
})
