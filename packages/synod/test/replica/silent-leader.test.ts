import { describe, expect, test } from 'vitest'
import { type Site, clientAddressOf, hostOf } from '../../../testing/src/simulator/world.js'
import { type NotesClient, World, type WorldOptions } from './world.js'

const SEEDS = 200
const electionTimeoutMs = 500
const LIMIT_MS = 2 * electionTimeoutMs
/** By the replicas that they know; the last one comes when the leader is silent already. */
const CLIENTS = ['all', 'others', 'one', 'pair', 'late']

/**
 * Each way of a leader to fall silent while its connections stay: `places` are all that it talks
 * with.
 */
const WAYS: Readonly<Record<string, (world: World, leader: number, places: readonly Site[]) => void>> = {
  'whose links are all cut': (world, leader, places) => {
    for (const place of places) world.partition(leader, place)
  },
  'whose links are cut, but not those to clients': (world, leader) => {
    world.isolate(leader)
  },
  'from which nothing gets out': (world, leader, places) => {
    for (const place of places) world.network.cutWay(hostOf(leader), hostOf(place))
  },
  'whose process is stopped': (world, leader) => {
    world.server(leader).process?.pause()
  },
  'whose machine has no power': (world, leader) => {
    world.powerOff(leader)
  },
}

/** What takes how long, at most over all seeds, and with which seed. */
class Slowest {
  readonly #what: string
  readonly #found = new Map<string, { tookMs: number; seed: number }>()

  constructor(what: string) {
    this.#what = what
  }

  async time(world: World, seed: number, name: string, begin: () => Promise<unknown>): Promise<void> {
    const begunMs = world.clock.now()
    await begin()
    const tookMs = world.clock.now() - begunMs
    if (tookMs > (this.#found.get(name)?.tookMs ?? -1)) this.#found.set(name, { tookMs, seed })
  }

  /** The cases that took longer than that. */
  above(limitMs: number): string[] {
    return [...this.#found]
      .filter(([, { tookMs }]) => tookMs > limitMs)
      .map(([name, { seed, tookMs }]) => `${this.#what}, ${name}: ${tookMs} ms, seed ${seed}`)
  }
}

/** Clients that know all replicas, all but the leader, one other, and the leader and that one. */
async function connectAll(world: World, leader: number, other: number): Promise<NotesClient[]> {
  const others = world.ids.filter((id) => id !== leader)
  const known = [world.ids, others, [other], [leader, other]]
  const clients: NotesClient[] = []
  for (const [index, ids] of known.entries())
    clients.push(await world.connect(CLIENTS[index], { endpoints: ids.map(clientAddressOf) }))
  for (const client of clients) await world.settled(client.execute('before'))
  return clients
}

/** A cluster and what a seed makes of it, in turn. */
const CLUSTERS = [
  { servers: 3 },
  { servers: 5 },
  { servers: 3, leaseMs: electionTimeoutMs },
  { servers: 3, mode: 'leaderless' },
] as const satisfies readonly WorldOptions[]

describe('a leader that falls silent,', () => {
  test.each(Object.entries(WAYS))(
    '%s, costs a call at most two election timeouts, whichever replicas its client knows',
    async (way, silence) => {
      const slowest = new Slowest(way)
      for (let seed = 1; seed <= SEEDS; seed++) {
        const options = CLUSTERS[seed % CLUSTERS.length]!
        const world = await World.formed({ ...options, seed })
        // In leaderless mode the one whose proposal won last: the others let it go first.
        const leader = world.leader ?? 1 + (seed % options.servers)
        const others = world.ids.filter((id) => id !== leader)
        const other = others[seed % others.length]!
        const clients = await connectAll(world, leader, other)
        await world.settled(world.replica(leader).execute('before'))
        await world.wait(world.chance.between(0, electionTimeoutMs))

        silence(world, leader, [...others, ...CLIENTS])
        const time = (name: string, begin: () => Promise<unknown>) => slowest.time(world, seed, name, begin)
        const calls = [
          ...clients.flatMap((client, index) => [
            time(`a write of '${CLIENTS[index]!}'`, () => client.execute('after')),
            time(`a read of '${CLIENTS[index]!}'`, () => client.read(0)),
            ...others.map(() => time(`a stale read of '${CLIENTS[index]!}'`, () => client.readStale(0))),
          ]),
          time(`a client that comes then`, async () => {
            const late = await world.beginConnect('late')
            await late.execute('after')
          }),
          time('a write in a follower', () => world.replica(other).execute('after')),
        ]
        await world.settled(Promise.all(calls))
      }
      expect(slowest.above(LIMIT_MS)).toEqual([])
    },
  )
})

test('a client that knows only the silent leader gets no answer, and is told that it does not lead', async () => {
  const world = await World.formed()
  const leader = world.leader!
  const client = await world.connect('one', { endpoints: [clientAddressOf(leader)] })
  await world.settled(client.execute('before'))
  world.isolate(leader)
  const failed = world.failure(client.execute('after', { timeoutMs: 5000 }))
  expect(await failed).toMatchObject({ code: 'no-quorum' })
  expect(world.status(leader)).toMatchObject({ leader: null, role: 'follower' })
})
