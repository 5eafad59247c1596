import { describe, expect, test } from 'vitest'
import { Chaos } from '../../../testing/src/cluster/chaos.js'
import { Cluster, texts, value } from '../../../testing/src/cluster/cluster.js'
import { LoneServer, ballot, only } from './lone-server.js'
import { forSeeds } from './replay.js'

const modes = ['leader', 'leaderless'] as const

/** A peer tells the server what was chosen in the slots up to this one. */
function decide(server: LoneServer, slot: number) {
  const values = Array.from({ length: slot }, (_, index) => value(`decided ${index}`))
  server.receive(2, { type: 'decided', first: 1, values })
}

describe.each(modes)('a linearizable read in %s mode', (mode) => {
  const ready = (seed = 1) => {
    const cluster = new Cluster({ mode, seed })
    if (mode === 'leader') cluster.makeLeader(1)
    return cluster
  }

  test('sees everything that was acknowledged before it began, on any server', () => {
    const cluster = ready()
    cluster.network.isolate(3)
    cluster.propose(1, 'a', 'b')
    cluster.run(() => cluster.paxos(1).chosen === 2)
    cluster.network.transits = []
    cluster.network.heal()
    expect(cluster.paxos(3).chosen).toBe(0)
    const read = cluster.read(3)
    cluster.deliverAll('observe', ({ to }) => to !== 3)
    cluster.deliverAll('observed')
    expect(cluster.readable(3, read)).toBeUndefined()
    cluster.run(() => cluster.paxos(3).chosen >= 2, 2000)
    expect(cluster.readable(3, read)).toBe(2)
    expect(texts(cluster.prefix(3))).toEqual(['a', 'b'])
  })

  test('is answered only by a quorum', () => {
    const cluster = ready()
    cluster.network.isolate(3)
    const read = cluster.read(3)
    cluster.wait(3000)
    expect(cluster.readable(3, read)).toBeUndefined()
    cluster.network.heal()
    cluster.wait(1000)
    expect(cluster.readable(3, read)).toBe(0)
  })

  test('sees what is known to be chosen here, though a quorum names less', () => {
    const server = new LoneServer({ mode })
    const [observe] = only(server.step({ type: 'read', id: 1 }), 'observe')
    decide(server, 3)
    server.receive(2, { type: 'observed', round: observe!.round, voted: 0 })
    expect(server.last?.reads).toEqual([{ id: 1, slot: 3 }])
  })

  test('does not count a server that answers twice as a quorum', () => {
    const server = new LoneServer({ mode, servers: [1, 2, 3, 4, 5] })
    const [observe] = only(server.step({ type: 'read', id: 1 }), 'observe')
    const observed = { type: 'observed', round: observe!.round, voted: 3 } as const
    server.receive(2, observed)
    server.receive(2, observed)
    expect(server.last?.reads).toEqual([])
    server.receive(3, { ...observed, voted: 1 })
    decide(server, 2)
    expect(server.last?.reads).toEqual([])
    decide(server, 3)
    expect(server.last?.reads).toEqual([{ id: 1, slot: 3 }])
  })

  test('is answered by a single server itself', () => {
    const cluster = new Cluster({ mode, servers: 1 })
    expect(cluster.readable(1, cluster.read(1))).toBe(0)
  })

  test('ignores late answers of an older round', () => {
    const server = new LoneServer({ mode })
    const [first] = only(server.step({ type: 'read', id: 1 }), 'observe')
    server.receive(2, { type: 'observed', round: first!.round, voted: 0 })
    const [second] = only(server.step({ type: 'read', id: 2 }), 'observe')
    expect(second!.round).not.toBe(first!.round)
    server.receive(3, { type: 'observed', round: first!.round, voted: 0 })
    expect(server.last?.reads).toEqual([])
    server.receive(3, { type: 'observed', round: second!.round, voted: 4 })
    decide(server, 4)
    expect(server.last?.reads).toEqual([{ id: 2, slot: 4 }])
  })

  test('that begins during a round waits for the next round', () => {
    const server = new LoneServer({ mode })
    const [first] = only(server.step({ type: 'read', id: 1 }), 'observe')
    expect(server.step({ type: 'read', id: 2 })).toEqual([])
    expect(server.step({ type: 'read', id: 3 })).toEqual([])
    const [second] = only(server.receive(2, { type: 'observed', round: first!.round, voted: 0 }), 'observe')
    expect(server.last?.reads).toEqual([{ id: 1, slot: 0 }])
    server.receive(2, { type: 'observed', round: second!.round, voted: 5 })
    decide(server, 5)
    expect(server.last?.reads).toEqual([
      { id: 2, slot: 5 },
      { id: 3, slot: 5 },
    ])
  })

  test('uses no round number again after a restart', () => {
    const rounds = new Set<number>()
    const server = new LoneServer({ mode })
    for (let seed = 1; seed <= 50; seed++) {
      server.restart(seed)
      for (let id = 1; id <= 3; id++) {
        const [observe] = only(server.step({ type: 'read', id }), 'observe')
        expect(rounds).not.toContain(observe!.round)
        rounds.add(observe!.round)
        server.receive(2, { type: 'observed', round: observe!.round, voted: 0 })
      }
    }
  })

  test('repeats a lost question in the same round', () => {
    const server = new LoneServer({ mode })
    const [first] = only(server.step({ type: 'read', id: 1 }), 'observe')
    const [again] = only(server.tick(server.config.resendMs), 'observe')
    expect(again).toEqual(first)
  })

  test('without a caller is not answered', () => {
    const server = new LoneServer({ mode })
    const [first] = only(server.step({ type: 'read', id: 1 }), 'observe')
    server.step({ type: 'read', id: 2 })
    server.step({ type: 'withdraw-read', id: 1 })
    server.step({ type: 'withdraw-read', id: 2 })
    server.receive(2, { type: 'observed', round: first!.round, voted: 0 })
    expect(server.last?.reads).toEqual([])
  })

  test('may be asked by a server that does not vote, which does not count itself', () => {
    const server = new LoneServer({ mode, self: 3, voting: false })
    const [observe] = only(server.step({ type: 'read', id: 1 }), 'observe')
    server.receive(1, { type: 'observed', round: observe!.round, voted: 2 })
    expect(server.last?.reads).toEqual([])
    server.receive(2, { type: 'observed', round: observe!.round, voted: 1 })
    decide(server, 2)
    expect(server.last?.reads).toEqual([{ id: 1, slot: 2 }])
  })

  test('counts votes of its own server, durable or not', () => {
    const server = new LoneServer({ mode })
    server.receive(2, { type: 'accept', ballot: ballot(1, 2), first: 1, values: [new Uint8Array(1)] })
    const [observe] = only(server.step({ type: 'read', id: 1 }), 'observe')
    server.receive(3, { type: 'observed', round: observe!.round, voted: 0 })
    expect(server.last?.reads).toEqual([])
    decide(server, 1)
    expect(server.last?.reads).toEqual([{ id: 1, slot: 1 }])
  })

  test('never returns below what any server knew to be chosen at its beginning, under loss, duplicates and crashes', () => {
    let seeds = 0
    let answered = 0
    forSeeds(import.meta.url, 20, (seed) => {
      seeds++
      const cluster = new Cluster({ mode, seed })
      const chaos = new Chaos(cluster)
      const begun = new Map<number, { id: number; floor: number }>()
      for (let event = 0; event < 3000; event++) {
        chaos.event()
        const id = cluster.chance.pick(cluster.ids)
        if (event % 30 === 0) cluster.propose(id, `r${event}`)
        if (event % 25 === 0 && cluster.server(id).up) {
          const floor = Math.max(...cluster.ids.map((other) => cluster.paxos(other).chosen))
          begun.set(cluster.read(id), { id, floor })
        }
        for (const [read, { id: reader, floor }] of begun) {
          const slot = cluster.readable(reader, read)
          if (slot === undefined) continue
          expect(slot).toBeGreaterThanOrEqual(floor)
          begun.delete(read)
          answered++
        }
      }
    })
    expect(answered).toBeGreaterThan(5 * seeds)
  })
})

test('a deposed leader that does not know it is deposed reads the writes of its successor', () => {
  const cluster = new Cluster()
  cluster.makeLeader(1)
  cluster.network.isolate(1)
  cluster.makeLeader(2)
  cluster.propose(2, 'a')
  cluster.settle()
  expect(cluster.paxos(1).status()).toMatchObject({ role: 'leader', chosen: 0 })
  const read = cluster.read(1)
  cluster.settle()
  expect(cluster.readable(1, read)).toBeUndefined()
  cluster.network.heal()
  cluster.run(() => cluster.readable(1, read) !== undefined, 2000)
  expect(cluster.readable(1, read)).toBe(1)
})

test('a new leader reads the writes of its predecessor, even those it has not heard of', () => {
  const cluster = new Cluster()
  cluster.makeLeader(1)
  cluster.propose(1, 'a')
  cluster.sync(1)
  cluster.deliverAll('accept', ({ to }) => to === 3)
  cluster.sync(3)
  cluster.deliverAll('accepted')
  cluster.network.transits = []
  cluster.kill(1)
  cluster.makeLeader(2)
  const read = cluster.read(2)
  cluster.settle()
  expect(cluster.readable(2, read)).toBe(1)
  expect(texts(cluster.prefix(2))).toEqual(['a'])
})
