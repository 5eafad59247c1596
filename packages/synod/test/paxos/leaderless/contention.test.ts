import { describe, expect, test } from 'vitest'
import { Cluster, texts } from '../../../../testing/src/cluster/cluster.js'
import { runTimed } from '../../../../testing/src/cluster/run-timed.js'
import { LoneServer, ballot, only } from '../lone-server.js'
import { forSeeds } from '../replay.js'

/** The server is refused. Returns how long it waits until it tries again. */
function preempt(server: LoneServer): number {
  const [prepare] = only(server.sync(), 'prepare')
  const { ballot: refused, slot } = prepare!
  expect(server.receive(2, { type: 'nack', refused, ballot: ballot(refused.seq + 1, 2), slot })).toEqual([])
  return preempted(server)
}

/** How long it takes until it tries again. */
function preempted(server: LoneServer): number {
  const preemptedMs = server.nowMs
  const waitedMs = () => server.nowMs - preemptedMs
  for (let ticks = 0; ticks < 1000; ticks++) {
    server.tick(server.last?.deadlineMs)
    if (server.last?.records.some(({ type }) => type === 'promise')) return waitedMs()
  }
  throw new Error(`did not try again within ${waitedMs()} ms`)
}

describe('a preempted proposer', () => {
  test('does not retry at once, and then uses a ballot above the refusing one', () => {
    const server = new LoneServer({ mode: 'leaderless' })
    server.proposeAndStart('a')
    expect(preempt(server)).toBeGreaterThan(0)
    expect(only(server.sync(), 'prepare')[0]?.ballot).toEqual(ballot(3, 1))
  })

  test('waits longer each time, within a bound', () => {
    const server = new LoneServer({ mode: 'leaderless' })
    server.proposeAndStart('a')
    const waits = Array.from({ length: 30 }, () => preempt(server))
    const sum = (numbers: number[]) => numbers.reduce((total, waitMs) => total + waitMs, 0)
    // Twice two phases of 4 ms, doubled each time: 112 ms at most.
    expect(sum(waits.slice(0, 3))).toBeLessThan(300)
    expect(sum(waits.slice(3, 6))).toBeGreaterThan(sum(waits.slice(0, 3)))
    expect(sum(waits.slice(-10)) / 10).toBeGreaterThan(100)
    expect(Math.max(...waits)).toBeLessThanOrEqual(5000)
  })

  test('waits less again after it has won slots', () => {
    const server = new LoneServer({ mode: 'leaderless' })
    server.proposeAndStart('a')
    const longestMs = Math.max(...Array.from({ length: 10 }, () => preempt(server)))
    let [prepare] = only(server.sync(), 'prepare')
    for (let won = 0; won < 80; won++) {
      const { ballot, slot } = prepare!
      server.receive(2, { type: 'promise', ballot, scope: 'slot', slot, votes: [], next: 0 })
      server.sync()
      server.receive(2, { type: 'accepted', ballot, first: slot, last: slot })
      server.propose('b')
      prepare = server.tickUntil('prepare')[0]
    }
    expect(longestMs).toBeGreaterThan(100)
    const { ballot: refused, slot } = prepare!
    server.receive(2, { type: 'nack', refused, ballot: ballot(2, 2), slot })
    expect(preempted(server)).toBeLessThan(20)
  })

  test('is not delayed by a late refusal of an older ballot', () => {
    const server = new LoneServer({ mode: 'leaderless' })
    server.proposeAndStart('a')
    preempt(server)
    const [prepare] = only(server.sync(), 'prepare')
    server.receive(3, { type: 'nack', refused: ballot(1, 1), ballot: ballot(9, 3), slot: 1 })
    const promise = { type: 'promise', scope: 'slot', slot: 1, votes: [], next: 0 } as const
    expect(only(server.receive(2, { ...promise, ballot: prepare!.ballot }), 'accept')).toHaveLength(2)
  })
})

describe('three servers that propose at once', () => {
  const each = 100

  function contend(seed: number) {
    const cluster = new Cluster({ mode: 'leaderless', seed })
    for (const id of cluster.ids) {
      cluster.propose(id, ...Array.from({ length: each }, (_, index) => `s${id}-${index}`))
    }
    const all = () => new Set(texts(cluster.prefix(1)).filter((text) => text !== '-')).size === 3 * each
    runTimed(cluster, all)
    return cluster
  }

  test('all succeed, in bounded time and with a bounded number of prepares', () => {
    forSeeds(import.meta.url, 5, (seed) => {
      const cluster = contend(seed)
      const slots = cluster.paxos(1).chosen
      expect(cluster.nowMs).toBeLessThan(20_000)
      expect(slots).toBeLessThan(1.2 * 3 * each)
      // Two a round, one for each peer; a duel without end would make it hundreds.
      expect((cluster.network.sent.get('prepare') ?? 0) / slots).toBeLessThan(12)
    })
  })

  test('may propose the same request, as clients broadcast it, which is chosen at least once', () => {
    forSeeds(import.meta.url, 5, (seed) => {
      const cluster = new Cluster({ mode: 'leaderless', seed })
      const all = Array.from({ length: 20 }, (_, index) => `r${index}`)
      for (const id of cluster.ids) cluster.propose(id, ...all)
      const done = () => all.every((text) => texts(cluster.prefix(1)).includes(text))
      runTimed(cluster, done, { limitMs: 20_000 })
    })
  })
})
