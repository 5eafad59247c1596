import { describe, expect, test } from 'vitest'
import { World } from './world.js'

const MODES = ['leader', 'leaderless'] as const

describe.each(MODES)('in %s mode', (mode) => {
  test('a read on any replica sees every command acknowledged before on any replica', async () => {
    const world = await World.formed({ mode })
    for (const proposer of world.ids) {
      await world.settled(world.replica(proposer).execute(`by s${proposer}`))
      const answers = await world.settled(Promise.all(world.ids.map((id) => world.replica(id).read(0))))
      for (const answer of answers) expect(answer.at(-1)).toBe(`by s${proposer}`)
    }
  })

  test('a read waits until a replica that lags behind has caught up', async () => {
    const world = await World.formed({ mode })
    const lagging = mode === 'leader' ? world.followers[0]! : 1
    const [a, b] = world.ids.filter((id) => id !== lagging)
    // It hears from one of the others alone, whose word of what is chosen comes late.
    world.crash(lagging)
    for (let count = 1; count <= 50; count++) await world.settled(world.replica(a!).execute(`${count}`))
    await world.restart(lagging)
    const answer = await world.settled(world.replica(lagging).read(49))
    expect(answer).toEqual(['50'])
    expect(await world.settled(world.replica(b!).read(49))).toEqual(['50'])
  })

  test('simultaneous reads share rounds, and all see the newest state', async () => {
    const world = await World.formed({ mode })
    await world.settled(world.replica(1).execute('a'))
    const reads = Array.from({ length: 200 }, () => world.replica(2).read(0))
    const begunMs = world.clock.now()
    for (const answer of await world.settled(Promise.all(reads))) expect(answer).toEqual(['a'])
    expect(world.clock.now() - begunMs).toBeLessThan(60)
    expect(world.status(2).waiting).toBe(0)
  })

  test.each([1, 2, 3])(
    'a read on s%i, cut off from the others, fails as no-quorum in time, and never returns old data',
    async (victim) => {
      const world = await World.formed({ mode })
      await world.settled(world.replica(victim).execute('old'))
      world.isolate(victim)
      const begunMs = world.clock.now()
      const early = world.replica(victim).read(0, { timeoutMs: 3000 })
      early.catch(() => undefined)
      const other = world.ids.find((id) => id !== victim)!
      await world.settled(world.replica(other).execute('new'))
      expect(await world.failure(early)).toMatchObject({ code: 'no-quorum' })
      expect(world.clock.now() - begunMs).toBeLessThanOrEqual(3010)
      expect(await world.failure(world.replica(victim).read(0, { timeoutMs: 500 }))).toMatchObject({
        code: 'no-quorum',
      })
      world.heal()
      expect(await world.settled(world.replica(victim).read(0))).toEqual(['old', 'new'])
    },
  )

  test('a read that waits during a partition returns the newest state after it', async () => {
    const world = await World.formed({ mode })
    await world.settled(world.replica(1).execute('old'))
    world.isolate(1)
    const read = world.replica(1).read(0)
    await world.settled(world.replica(2).execute('new'))
    world.heal()
    expect(await world.settled(read)).toEqual(['old', 'new'])
  })

  test('a single server answers reads alone', async () => {
    const world = await World.formed({ servers: 1, mode })
    await world.settled(world.replica(1).execute('a'))
    expect(await world.settled(world.replica(1).read(0))).toEqual(['a'])
  })
})
