import { describe, expect, test } from 'vitest'
import { MAX_BATCH_BYTES } from '../../src/machine/batch.js'
import { type Backlog, Gathering } from '../../src/replica/gathering.js'
import { World } from './world.js'

const BACKLOG: Backlog = { flights: 1, chosen: 0, sinceMs: 100, sizeBytes: 1 }

/** Accepts that took so long each, one after the other. */
function after(tookMs: number, count = 100): Gathering {
  const gathering = new Gathering()
  for (let slot = 1; slot <= count; slot++) {
    gathering.proposed(slot, 0)
    gathering.untilMs({ ...BACKLOG, chosen: slot }, tookMs)
  }
  return gathering
}

describe('requests that wait to be proposed', () => {
  test('do not gather while no accept is under way', () => {
    expect(new Gathering().untilMs({ ...BACKLOG, flights: 0 }, 100)).toBe(100)
    expect(after(1000).untilMs({ ...BACKLOG, flights: 0 }, 100)).toBe(100)
  })

  test('gather for half a millisecond where accepts are fast', () => {
    expect(new Gathering().untilMs(BACKLOG, 100)).toBe(100.5)
    expect(after(2).untilMs(BACKLOG, 100.2)).toBe(100.5)
  })

  test('gather for a sixteenth of the time that accepts take', () => {
    expect(after(80).untilMs(BACKLOG, 100)).toBeCloseTo(105)
  })

  test('do not gather once they fill a batch', () => {
    expect(after(80).untilMs({ ...BACKLOG, sizeBytes: MAX_BATCH_BYTES }, 101)).toBe(101)
  })

  test('forget an accept that another leader has decided', () => {
    const gathering = after(80)
    gathering.proposed(101, 0)
    gathering.restart()
    expect(gathering.untilMs({ ...BACKLOG, chosen: 101 }, 100_000)).toBeCloseTo(105)
  })
})

test('a leader puts requests that come while an accept is under way into few slots', async () => {
  const world = await World.formed({ network: { latencyMs: 40 } })
  await world.raised()
  const client = await world.connect()
  for (let index = 0; index < 20; index++) await world.settled(client.execute(`slow ${index}`))
  const before = world.status(1).watermarks.chosen
  const calls: Promise<number>[] = []
  for (let index = 0; index < 100; index++) {
    calls.push(client.execute(`${index}`))
    await world.wait(1)
  }
  for (const call of calls) await world.settled(call)
  expect(world.status(1).watermarks.chosen - before).toBeLessThan(40)
})
