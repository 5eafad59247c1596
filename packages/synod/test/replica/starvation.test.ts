import { expect, test } from 'vitest'
import { World } from './world.js'

/**
 * For so long a server leaves it to the one that won last to go on. From then on it takes part in
 * each slot.
 */
const HEAD_START_MS = 2000
/** A few slots. */
const CONTEST_MS = 120

// No jitter: the same server would win each slot at equal ballots.
test.each([
  { servers: 2, latencyMs: 0.1, syncMs: 1, others: 1, asked: 1 },
  { servers: 3, latencyMs: 0.5, syncMs: 2, others: 3, asked: 2 },
  { servers: 3, latencyMs: 1, syncMs: 0.1, others: 1, asked: 1 },
  { servers: 5, latencyMs: 3, syncMs: 2, others: 3, asked: 1 },
])('the only request of a server wins a slot from a server that always has more: %o', async (setting) => {
  const { asked, latencyMs, others, servers, syncMs } = setting
  const world = await World.formed({
    mode: 'leaderless',
    servers,
    syncMs,
    network: { latencyMs: () => latencyMs },
  })
  await world.settled(world.replica(asked).execute('first'))
  let isOver = false
  const write = async (name: string): Promise<void> => {
    for (let count = 0; !isOver; count++) await world.replica(servers).execute(`${name}.${count}`)
  }
  const writers = Array.from({ length: others }, (_, writer) => write(`w${writer}`))
  await world.run(() => world.status(servers).watermarks.chosen > 20)
  const beforeMs = world.clock.now()
  await world.settled(world.replica(asked).execute('alone'))
  expect(world.clock.now() - beforeMs).toBeLessThanOrEqual(HEAD_START_MS + CONTEST_MS)
  isOver = true
  await world.settled(Promise.all(writers))
  await world.converged()
})
