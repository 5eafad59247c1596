import { describe, expect, test } from 'vitest'
import { World } from './world.js'

const MODES = ['leader', 'leaderless'] as const

describe.each(MODES)('a stale read in %s mode', (mode) => {
  test('is answered at once by a replica that is cut off, with its slot', async () => {
    const world = await World.formed({ mode })
    await world.settled(world.replica(1).execute('old'))
    await world.settled(world.replica(3).read(0))
    world.isolate(3)
    await world.settled(world.replica(1).execute('new'))
    const begunMs = world.clock.now()
    const { answer, slot } = await world.settled(world.replica(3).readStale(0))
    expect(answer).toEqual(['old'])
    expect(slot).toBe(world.status(3).watermarks.executed)
    expect(slot).toBeLessThan(world.status(1).watermarks.executed)
    expect(world.clock.now()).toBe(begunMs)
  })

  test('waits for the slot that it asks for', async () => {
    const world = await World.formed({ mode })
    await world.raised()
    world.isolate(3)
    await world.settled(world.replica(1).execute('mine'))
    const atLeast = world.status(1).watermarks.executed
    const read = world.replica(3).readStale(0, { atLeast })
    let over = false
    void read.then(() => (over = true))
    await world.wait(1000)
    expect([over, world.status(3).waiting]).toEqual([false, 1])
    world.heal()
    const { answer, slot } = await world.settled(read)
    expect(answer).toEqual(['mine'])
    expect(slot).toBeGreaterThanOrEqual(atLeast)
    expect(world.status(3).waiting).toBe(0)
  })

  test('of a slot that is not executed in time fails as too-stale, and is forgotten', async () => {
    const world = await World.formed({ mode })
    const read = world.replica(1).readStale(0, { atLeast: 1_000_000, timeoutMs: 500 })
    expect(await world.failure(read)).toMatchObject({ code: 'too-stale' })
    expect(world.status(1).waiting).toBe(0)
  })

  test.each([-1, 0.5, NaN, Infinity])('of at least slot %d is refused', async (atLeast) => {
    const world = await World.formed({ mode })
    expect(await world.failure(world.replica(1).readStale(0, { atLeast }))).toMatchObject({
      code: 'invalid-options',
    })
  })

  test('of a client sees its own writes on every replica', async () => {
    const world = await World.formed({ mode })
    const client = await world.connect()
    expect(client.seen).toBe(0)
    for (let count = 1; count <= 20; count++) {
      await world.settled(client.execute(`${count}`))
      const before = client.seen
      const { answer, slot } = await world.settled(client.readStale(0, { atLeast: before }))
      expect(answer.at(-1)).toBe(`${count}`)
      expect(slot).toBeGreaterThanOrEqual(before)
    }
  })
})
