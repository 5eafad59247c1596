import { expect, test } from 'vitest'
import { World } from './world.js'

/** Others step in, and a client asks them, after no more than this. */
const STEP_IN_MS = 300

test('the favourite of leaderless mode dies, and writes go on without it', async () => {
  const world = await World.formed({ mode: 'leaderless' })
  const client = await world.connect()
  const write = async (text: string) => {
    const begunMs = world.clock.now()
    await world.settled(client.execute(text))
    return world.clock.now() - begunMs
  }
  for (const id of world.ids) {
    for (let count = 0; count < 20; count++) await write(`before s${id} dies: ${count}`)
    world.crash(id)
    expect(await write(`without s${id}`), `s${id} died`).toBeLessThan(STEP_IN_MS)
    for (let count = 0; count < 5; count++) await write(`still without s${id}: ${count}`)
    expect(await write(`in calm times, without s${id}`)).toBeLessThan(20)
    await world.settled(world.begin(id))
    await world.ready()
  }
  await world.converged()
})
