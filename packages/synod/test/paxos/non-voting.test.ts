import { describe, expect, test } from 'vitest'
import { Cluster, texts, value } from '../../../testing/src/cluster/cluster.js'
import { LoneServer, ballot, only } from './lone-server.js'

const modes = ['leader', 'leaderless'] as const

describe.each(modes)('a server that does not vote, in %s mode', (mode) => {
  const lone = () => new LoneServer({ mode, self: 3, voting: false })

  test('promises nothing and votes for nothing', () => {
    const server = lone()
    expect(server.exchange(1, { type: 'prepare', ballot: ballot(1, 1), scope: 'log', slot: 1 })).toEqual([])
    expect(server.exchange(1, { type: 'prepare', ballot: ballot(1, 1), scope: 'slot', slot: 1 })).toEqual([])
    expect(
      server.exchange(1, { type: 'accept', ballot: ballot(1, 1), first: 1, values: [value('a')] }),
    ).toEqual([])
    expect(server.journal).toEqual([])
  })

  test('does not answer for reads of others', () => {
    expect(lone().exchange(1, { type: 'observe', round: 7 })).toEqual([])
  })

  test('proposes no value of its own, however long it waits', () => {
    const server = lone()
    server.propose('a')
    server.receive(2, { type: 'heartbeat', ballot: ballot(0, 0), round: 0, chosen: 0, voted: 5 })
    for (let step = 0; step < 50; step++) server.tick(Math.min(server.last!.deadlineMs, 1e6))
    expect(server.journal).toEqual([])
    expect(server.status.role).toBe('learner')
  })

  test('learns the chosen values', () => {
    const cluster = new Cluster({ mode, nonVoting: [3] })
    if (mode === 'leader') cluster.makeLeader(1)
    cluster.propose(1, 'a', 'b')
    cluster.wait(500)
    expect(texts(cluster.prefix(3))).toEqual(['a', 'b'])
    expect(cluster.server(3).journal.every(({ type }) => type === 'decided')).toBe(true)
  })

  test('forwards its proposals', () => {
    const cluster = new Cluster({ mode, nonVoting: [3] })
    if (mode === 'leader') cluster.makeLeader(1)
    cluster.wait(100)
    cluster.propose(3, 'a')
    cluster.wait(1000)
    expect(texts(cluster.prefix(1))).toContain('a')
    expect(texts(cluster.prefix(3))).toContain('a')
  })

  test('does not form a quorum with one voting server', () => {
    const cluster = new Cluster({ mode, nonVoting: [3] })
    if (mode === 'leader') cluster.makeLeader(1)
    cluster.crash(2)
    cluster.propose(1, 'a')
    cluster.wait(3000)
    expect(cluster.paxos(1).chosen).toBe(0)
  })
})

test('a server that does not vote follows the leader, and never campaigns', () => {
  const cluster = new Cluster({ nonVoting: [3] })
  cluster.makeLeader(1)
  cluster.wait(100)
  expect(cluster.paxos(3).status()).toMatchObject({ role: 'learner', leader: 1 })
  cluster.kill(1)
  cluster.kill(2)
  cluster.wait(5000)
  expect(cluster.network.sent.get('prepare')).toBe(2)
})

test('a leader whose only answers come from servers that do not vote gives up, as it has no quorum', () => {
  const cluster = new Cluster({ nonVoting: [3] })
  cluster.makeLeader(1)
  cluster.crash(2)
  cluster.wait(2000)
  expect(cluster.paxos(1).status().role).not.toBe('leader')
})

test('a server that does not vote asks for a tick only when it has something to do', () => {
  const server = new LoneServer({ mode: 'leaderless', self: 3, voting: false })
  server.receive(2, { type: 'heartbeat', ballot: ballot(0, 0), round: 0, chosen: 0, voted: 5 })
  for (let step = 0; step < 20; step++) {
    server.tick(server.last!.deadlineMs)
    expect(server.last!.deadlineMs).toBeGreaterThan(server.nowMs)
  }
})

test('a forward reaches servers that vote as requests without a caller', () => {
  const server = new LoneServer({ mode: 'leaderless' })
  server.receive(3, { type: 'forward', values: ['a', 'b'].map(value) })
  server.proposeAndStart()
  expect(only(server.sync(), 'prepare').map(({ slot }) => slot)).toEqual([1, 1, 2, 2])
})
