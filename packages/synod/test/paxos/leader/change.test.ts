import { describe, expect, test } from 'vitest'
import { compareBallots } from '../../../src/paxos/ballot.js'
import { Cluster, texts, value } from '../../../../testing/src/cluster/cluster.js'
import { LoneServer, ballot, only } from '../lone-server.js'

describe('a leader change', () => {
  test('keeps chosen values', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.propose(1, 'a', 'b')
    cluster.settle()
    cluster.kill(1)
    cluster.makeLeader(2)
    cluster.propose(2, 'c')
    cluster.settle()
    expect(texts(cluster.prefix(2))).toEqual(['a', 'b', 'c'])
    expect(texts(cluster.prefix(3))).toEqual(['a', 'b', 'c'])
  })

  test('completes a value of which only the old leader knew that it was chosen', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.propose(1, 'a')
    cluster.sync(1)
    cluster.deliverAll('accept', ({ to }) => to === 3)
    cluster.sync(3)
    cluster.network.lose('accept')
    cluster.deliverAll('accepted')
    expect(cluster.paxos(1).chosen).toBe(1)
    cluster.network.lose('chosen')
    cluster.kill(1)
    cluster.makeLeader(2)
    cluster.settle()
    expect(texts(cluster.prefix(2))).toEqual(['a'])
  })

  test('fills the holes of the old leader, and proposes above them', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    for (const text of ['a', 'b', 'c', 'd']) cluster.propose(1, text)
    // Slots 1 and 3 reach no server; 2 and 4 reach s2.
    cluster.deliverAll('accept', ({ to, message }) => {
      return to === 2 && message.type === 'accept' && message.first % 2 === 0
    })
    cluster.network.lose('accept')
    cluster.sync(2)
    cluster.kill(1)
    cluster.makeLeader(3)
    cluster.propose(3, 'e')
    cluster.settle()
    expect(texts(cluster.prefix(3))).toEqual(['-', 'b', '-', 'd', 'e'])
    cluster.restart(1)
    cluster.wait(1000)
    expect(texts(cluster.prefix(1))).toEqual(['-', 'b', '-', 'd', 'e'])
  })

  test('replaces a vote of an old leader by the value that a later leader had chosen', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.propose(1, 'old')
    cluster.network.lose('accept')
    cluster.sync(1)
    cluster.kill(1)
    cluster.makeLeader(2)
    cluster.propose(2, 'new')
    cluster.settle()
    cluster.kill(2)
    cluster.restart(1)
    cluster.makeLeader(1)
    expect(texts(cluster.prefix(1))).toEqual(['new'])
    expect(texts(cluster.prefix(3))).toEqual(['new'])
  })

  test('is reported to the deposed leader in answer to its next message', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.network.isolate(1)
    cluster.makeLeader(2)
    expect(cluster.paxos(1).status().role).toBe('leader')
    cluster.network.heal()
    cluster.propose(1, 'too late')
    cluster.settle()
    expect(cluster.paxos(1).status().role).toBe('follower')
    expect(cluster.paxos(1).chosen).toBe(0)
    cluster.wait(100)
    expect(cluster.paxos(1).leader).toBe(2)
  })

  test('makes acceptors refuse late accepts of the deposed leader', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.propose(1, 'late')
    const late = cluster.network.transits.splice(0)
    cluster.network.isolate(1)
    cluster.makeLeader(2)
    cluster.propose(2, 'first')
    cluster.settle()
    cluster.network.heal()
    cluster.network.transits.push(...late)
    cluster.settle()
    expect(texts(cluster.prefix(2))).toEqual(['first'])
    expect(texts(cluster.prefix(3))).toEqual(['first'])
  })
})

describe('a restarted leader', () => {
  test('becomes a follower of the present leader', () => {
    const cluster = new Cluster()
    const before = cluster.makeLeader(1)
    cluster.crash(1)
    cluster.restart(1)
    expect(cluster.paxos(1).status()).toMatchObject({ role: 'follower', leader: undefined })
    const after = cluster.makeLeader(2)
    expect(compareBallots(after, before)).toBeGreaterThan(0)
    expect(cluster.paxos(1).leader).toBe(2)
  })

  test('leads again only at a higher ballot', () => {
    const cluster = new Cluster()
    const before = cluster.makeLeader(1)
    cluster.crash(1)
    cluster.restart(1)
    const after = cluster.makeLeader(1)
    expect(compareBallots(after, before)).toBeGreaterThan(0)
  })

  test('gets no votes for proposals from before its restart', () => {
    const server = new LoneServer()
    const at = server.becomeLeader()
    server.propose('a')
    server.sync()
    server.restart()
    expect(server.receive(2, { type: 'accepted', ballot: at, first: 1, last: 1 })).toEqual([])
    expect(server.paxos.chosen).toBe(0)
  })

  test('has sent nothing at a ballot whose promise was not durable', () => {
    const cluster = new Cluster()
    cluster.step(1, { type: 'tick' })
    cluster.deliverAll('probe')
    cluster.deliverAll('probe-answer')
    expect(cluster.paxos(1).status().role).toBe('candidate')
    expect(cluster.network.transits).toEqual([])
    cluster.crash(1)
    expect(cluster.server(1).journal).toEqual([])
  })
})

describe('a vote of a single server', () => {
  test('above the log of the leader makes the leader fill the slot, so that no server waits for it for ever', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.propose(1, 'stray')
    cluster.network.lose('accept', ({ to }) => to === 3)
    cluster.deliverAll('accept')
    cluster.sync(2)
    cluster.network.lose('accepted')
    // s1 and its vote, never durable, are gone. The promise of s2 does not arrive; s3 and s1 elect.
    cluster.crash(1)
    cluster.restart(1)
    cluster.network.isolate(2)
    cluster.makeLeader(3)
    cluster.network.heal()
    expect(cluster.paxos(2).status().voted).toBe(1)
    expect(cluster.paxos(3).status().voted).toBe(0)
    cluster.wait(200)
    expect(texts(cluster.prefix(3))).toEqual(['-'])
    expect(texts(cluster.prefix(2))).toEqual(['-'])
  })

  test('above the log of the leader delays a read only until the slot is filled', () => {
    const server = new LoneServer()
    const at = server.becomeLeader()
    server.sync()
    const [observe] = only(server.step({ type: 'read', id: 1 }), 'observe')
    server.receive(2, { type: 'observed', round: observe!.round, voted: 2 })
    expect(server.last?.reads).toEqual([])
    const answer = { type: 'heartbeat-answer', ballot: at, round: 1, chosen: 0, voted: 2 } as const
    const [accept] = only(server.receive(2, answer), 'accept')
    expect([accept?.first, texts(accept?.values ?? [])]).toEqual([1, ['-', '-']])
    server.sync()
    server.receive(2, { type: 'accepted', ballot: at, first: 1, last: 2 })
    expect(server.paxos.chosen).toBe(2)
    expect(server.last?.reads).toEqual([{ id: 1, slot: 2 }])
    expect(only(server.receive(2, answer), 'accept')).toEqual([])
  })

  test('does not make a leader fill the slot if the answer is to an older leader', () => {
    const server = new LoneServer()
    server.becomeLeader()
    const answer = { type: 'heartbeat-answer', ballot: ballot(0, 3), round: 1, chosen: 0, voted: 2 } as const
    expect(server.receive(2, answer)).toEqual([])
  })

  test('far above the log of the leader makes it fill slots within the window only', () => {
    const server = new LoneServer({ window: 2 })
    const at = server.becomeLeader()
    server.propose('a')
    const answer = { type: 'heartbeat-answer', ballot: at, round: 1, chosen: 0, voted: 50 } as const
    const [accept] = only(server.receive(2, answer), 'accept')
    expect([accept?.first, accept?.values.length]).toEqual([2, 1])
  })
})

test('a cluster continues after all servers lost power', () => {
  const cluster = new Cluster()
  cluster.makeLeader(1)
  cluster.propose(1, 'a', 'b')
  cluster.settle()
  for (const id of cluster.ids) cluster.crash(id)
  for (const id of cluster.ids) cluster.restart(id)
  const leader = cluster.elect()
  cluster.propose(leader, 'c')
  cluster.settle()
  for (const id of cluster.ids) expect(texts(cluster.prefix(id))).toEqual(['a', 'b', 'c'])
  expect(cluster.value(leader, 3)).toEqual(value('c'))
})
