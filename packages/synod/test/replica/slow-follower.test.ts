import { describe, expect, test } from 'vitest'
import { PADDING } from '../../src/journal/padding.js'
import { clientAddressOf } from '../../../testing/src/simulator/world.js'
import { World } from './world.js'

const SEEDS = 20
const SLOW_MS = 100
const EVERY_MS = 5
const LOADED_MS = 1000
const RATIO = 1.2

interface Roles {
  readonly leader: number
  /** The follower that has the bad day. */
  readonly slow: number
  readonly other: number
}

/** The world has a slow link between two hosts, once there is one. */
interface SlowLink {
  between?: readonly [string, string]
}

/** Each way of one server to have a bad day without being away. */
const WAYS: Readonly<Record<string, (world: World, cast: Roles, link: SlowLink) => void>> = {
  'a follower whose syncs take 100 ms': (world, { slow }) => {
    world.server(slow).syncMs = () => SLOW_MS
  },
  'a leader whose syncs take 100 ms': (world, { leader }) => {
    world.server(leader).syncMs = () => SLOW_MS
  },
  'a follower that stands still for a fifth of the time': (world, { slow }) => {
    const pause = () => {
      world.server(slow).process?.pause()
      world.clock.timer(200, () => {
        world.server(slow).process?.resume()
        world.clock.timer(800, pause)
      })
    }
    pause()
  },
  'a follower to which the link of its leader takes 100 ms': (_world, { leader, slow }, link) => {
    link.between = [`s${leader}`, `s${slow}`]
  },
}

/**
 * How long writes took, each begun at its time whether others are answered or not, the quickest
 * first.
 */
async function latencies(
  seed: number,
  way: (world: World, cast: Roles, link: SlowLink) => void,
): Promise<{ byLeader: number[]; byOther: number[]; leaderStayed: boolean }> {
  const link: SlowLink = {}
  const isSlow = (from: string, to: string) =>
    link.between?.includes(from) === true && link.between.includes(to)
  const world = await World.formed({
    seed,
    network: { latencyMs: (from, to) => (isSlow(from, to) ? SLOW_MS : 1) },
    // So that snapshots are taken, and slots are dropped that the slow one has yet to vote in.
    options: { snapshots: { everySlots: 50, keepSlots: 10 } },
    // One write in hundreds waits for them in a journal of the usual size.
    padding: PADDING,
  })
  const leader = world.leader!
  const [slow, other] = world.followers as [number, number]
  const clients = [
    await world.connect('all'),
    await world.connect('other', { endpoints: [clientAddressOf(other)] }),
  ]
  for (const client of clients) await world.settled(client.execute('before'))
  way(world, { leader, slow, other }, link)
  const tookMs: number[][] = [[], []]
  const writes: Promise<void>[] = []
  for (let begun = 0; begun < LOADED_MS; begun += EVERY_MS) {
    for (const [index, client] of clients.entries()) {
      const begunMs = world.clock.now()
      const write = async () => {
        await client.execute('a note')
        tookMs[index]!.push(world.clock.now() - begunMs)
      }
      writes.push(write())
    }
    await world.wait(EVERY_MS)
  }
  await world.settled(Promise.all(writes))
  const [byLeader, byOther] = tookMs.map((list) => list.sort((a, b) => a - b)) as [number[], number[]]
  return { byLeader, byOther, leaderStayed: world.leader === leader }
}

function p99(sorted: readonly number[]): number {
  return sorted[Math.ceil(0.99 * sorted.length) - 1]!
}

describe('with a quorum of fast servers left,', () => {
  test.each(Object.entries(WAYS))(
    '%s does not raise the p99 of writes, and the leader stays',
    async (_, way) => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const without = await latencies(seed, () => undefined)
        const within = await latencies(seed, way)
        const seen = `seed ${seed}`
        expect(within.leaderStayed, seen).toBe(true)
        expect(p99(within.byLeader), seen).toBeLessThanOrEqual(RATIO * p99(without.byLeader))
        expect(p99(within.byOther), seen).toBeLessThanOrEqual(RATIO * p99(without.byOther))
      }
    },
  )
})
