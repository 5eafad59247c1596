import { describe, expect, test } from 'vitest'
import { Cluster, texts } from '../../../../testing/src/cluster/cluster.js'
import { runTimed } from '../../../../testing/src/cluster/run-timed.js'
import { LoneServer, ballot, only } from '../lone-server.js'

const { electionTimeoutMs, heartbeatMs } = new LoneServer().config

describe('a healthy leader', () => {
  test('stays: no follower probes while its heartbeats arrive', () => {
    const cluster = new Cluster({ servers: 5 })
    const at = cluster.makeLeader(1)
    const prepares = cluster.network.sent.get('prepare')
    cluster.wait(20_000)
    expect(cluster.paxos(1).status()).toMatchObject({ role: 'leader', ballot: at })
    expect(cluster.network.sent.get('prepare')).toBe(prepares)
  })

  test('stays: its accepts count as heartbeats', () => {
    const server = new LoneServer({ self: 2 })
    const at = ballot(1, 1)
    for (let round = 1; round < 10; round++) {
      server.nowMs += electionTimeoutMs - 1
      expect(only(server.tick(), 'probe')).toHaveLength(round === 1 ? 2 : 0)
      server.exchange(1, { type: 'accept', ballot: at, first: round, values: [new Uint8Array(1)] })
      expect(server.status.leader).toBe(1)
    }
  })
})

describe('a server that misses the leader', () => {
  test('probes first, and promises nothing by that', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    const journal = cluster.server(3).journal.length
    cluster.network.isolate(3, [1])
    cluster.wait(5000)
    expect(cluster.network.sent.get('probe')).toBeGreaterThan(2)
    expect(cluster.server(3).journal).toHaveLength(journal)
  })

  test('does not depose a leader that the others hear', () => {
    for (const peers of [[1], [1, 2]]) {
      const cluster = new Cluster()
      const at = cluster.makeLeader(1)
      cluster.network.isolate(3, peers)
      cluster.wait(10_000)
      cluster.network.heal()
      cluster.wait(5000)
      expect(cluster.paxos(1).status()).toMatchObject({ role: 'leader', ballot: at })
      expect(cluster.paxos(3).leader).toBe(1)
    }
  })

  test('becomes the leader when a quorum misses it too', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.crash(1)
    cluster.wait(4 * electionTimeoutMs)
    expect([2, 3]).toContain(cluster.leader())
  })

  test('ignores an answer to an older probe', () => {
    const server = new LoneServer()
    const [first] = only(server.tick(4 * electionTimeoutMs), 'probe')
    server.tick(8 * electionTimeoutMs)
    const answer = { type: 'probe-answer', missing: true, ballot: ballot(0, 0), chosen: 0 } as const
    server.receive(2, { ...answer, round: first!.round })
    expect(server.status.role).toBe('follower')
    server.receive(2, { ...answer, round: first!.round + 1 })
    expect(server.status.role).toBe('candidate')
  })

  test('campaigns above every ballot that the answers named', () => {
    const server = new LoneServer()
    const [probe] = only(server.tick(), 'probe')
    server.receive(2, {
      type: 'probe-answer',
      round: probe!.round,
      missing: true,
      ballot: ballot(41, 3),
      chosen: 0,
    })
    expect(server.status).toMatchObject({ role: 'candidate', ballot: ballot(42, 1) })
  })
})

describe('a stuck disk', () => {
  test('ends the leadership of its server: another one leads, and the old one follows', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.stuckDisks.add(1)
    cluster.propose(1, 'a')
    cluster.step(1, { type: 'disk-stuck' })
    expect(cluster.paxos(1).status()).toMatchObject({ role: 'follower', leader: undefined })
    cluster.run(() => [2, 3].includes(cluster.leader() ?? 0))
    cluster.wait(3000)
    expect(cluster.paxos(1).leader).toBe(cluster.leader())
  })

  test('keeps its server from probing until it recovers, though no server leads', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.stuckDisks.add(1)
    cluster.propose(1, 'a')
    cluster.step(1, { type: 'disk-stuck' })
    const probes = cluster.network.sent.get('probe')
    cluster.crash(2)
    cluster.crash(3)
    cluster.wait(5000)
    expect(cluster.network.sent.get('probe')).toBe(probes)
    cluster.stuckDisks.delete(1)
    cluster.wait(5000)
    expect(cluster.network.sent.get('probe')).toBeGreaterThan(probes ?? 0)
  })

  test('ends the campaign of a candidate', () => {
    const server = new LoneServer()
    server.becomeCandidate()
    server.step({ type: 'disk-stuck' })
    expect(server.status.role).toBe('follower')
  })

  test('changes nothing in leaderless mode', () => {
    const cluster = new Cluster({ mode: 'leaderless' })
    cluster.step(1, { type: 'disk-stuck' })
    cluster.propose(2, 'a')
    cluster.run(() => cluster.paxos(3).chosen === 1)
  })
})

describe('after the process of the leader ended', () => {
  test('the followers elect another leader within tens of milliseconds', () => {
    const costs: number[] = []
    for (let seed = 1; seed <= 50; seed++) {
      const cluster = new Cluster({ seed })
      const old = cluster.elect()
      cluster.wait(200)
      const killedMs = cluster.nowMs
      cluster.kill(old)
      runTimed(cluster, () => cluster.leader() !== undefined)
      costs.push(cluster.nowMs - killedMs)
    }
    costs.sort((a, b) => a - b)
    expect(costs[25]).toBeLessThan(40)
    expect(costs[45]).toBeLessThan(100)
  })

  test('one server that is wrong about it does not depose a leader that another server hears', () => {
    const cluster = new Cluster()
    const at = cluster.makeLeader(1)
    cluster.network.isolate(3, [1])
    cluster.step(3, { type: 'peer-gone', peer: 1 })
    cluster.wait(1000)
    expect(cluster.paxos(1).status()).toMatchObject({ role: 'leader', ballot: at })
  })

  test('a heartbeat shows a server that it was wrong', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.step(3, { type: 'peer-gone', peer: 1 })
    expect(cluster.paxos(3).leader).toBeUndefined()
    cluster.wait(100)
    expect(cluster.paxos(3).leader).toBe(1)
  })

  test('the end of a follower causes no probe', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    const dueMs = cluster.server(3).deadlineMs
    cluster.step(3, { type: 'peer-gone', peer: 2 })
    expect(cluster.paxos(3).leader).toBe(1)
    expect(cluster.server(3).deadlineMs).toBe(dueMs)
  })
})

describe('a preempted server', () => {
  test('goes back to following, and waits for an election timeout', () => {
    const server = new LoneServer()
    const at = server.becomeCandidate()
    server.sync()
    expect(server.receive(2, { type: 'nack', refused: at, ballot: ballot(7, 2), slot: 1 })).toEqual([])
    expect(server.status).toMatchObject({ role: 'follower', leader: undefined })
    expect(server.tick(server.nowMs + electionTimeoutMs - 1)).toEqual([])
  })

  test('goes back to following if it was the leader', () => {
    const server = new LoneServer()
    const at = server.becomeLeader()
    server.propose('a')
    server.receive(2, { type: 'nack', refused: at, ballot: ballot(7, 2), slot: 1 })
    expect(server.status.role).toBe('follower')
    expect(server.tick(server.nowMs + electionTimeoutMs - 1)).toEqual([])
  })

  test('goes back to following if it promises a higher ballot itself', () => {
    const server = new LoneServer()
    server.becomeLeader()
    server.receive(3, { type: 'prepare', ballot: ballot(9, 3), scope: 'log', slot: 1 })
    expect(server.status.role).toBe('follower')
  })

  test('is not deposed by a refusal of an older ballot', () => {
    const server = new LoneServer()
    const at = server.becomeLeader()
    server.receive(2, { type: 'nack', refused: ballot(at.seq - 1, 1), ballot: at, slot: 1 })
    expect(server.status.role).toBe('leader')
  })

  test('is not deposed by a prepare that it refuses', () => {
    const server = new LoneServer()
    const at = server.becomeLeader()
    const answer = server.receive(3, {
      type: 'prepare',
      ballot: ballot(at.seq - 1, 3),
      scope: 'log',
      slot: 1,
    })
    expect(answer).toMatchObject([{ type: 'nack', ballot: at }])
    expect(server.status.role).toBe('leader')
  })
})

describe('a leader that cannot reach a quorum', () => {
  test('gives up within an election timeout, though some servers still answer', () => {
    const cluster = new Cluster({ servers: 5 })
    cluster.makeLeader(1)
    cluster.network.isolate(1, [3, 4, 5])
    cluster.wait(electionTimeoutMs + 2 * heartbeatMs)
    expect(cluster.paxos(1).status()).toMatchObject({ role: 'follower', leader: undefined })
  })

  test('gives up, and the followers that heard it join the next leader', () => {
    const cluster = new Cluster({ servers: 5 })
    cluster.makeLeader(1)
    cluster.network.isolate(1, [3, 4, 5])
    cluster.run(() => [2, 3, 4, 5].includes(cluster.leader() ?? 0), 10_000)
    cluster.propose(cluster.leader()!, 'a')
    cluster.settle()
    expect(texts(cluster.prefix(2))).toEqual(['a'])
  })

  test('gives up if its messages arrive but no answer does', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.network.cut.add('2>1').add('3>1')
    cluster.wait(electionTimeoutMs + 2 * heartbeatMs)
    expect(cluster.paxos(1).status().role).toBe('follower')
  })

  test('gives up if it gets answers to another ballot only', () => {
    const server = new LoneServer()
    const at = server.becomeLeader()
    for (let elapsedMs = 0; elapsedMs <= electionTimeoutMs; elapsedMs += heartbeatMs) {
      const ballot = { seq: at.seq - 1, server: 1 }
      server.receive(2, { type: 'heartbeat-answer', ballot, round: 1, chosen: 0, voted: 0 })
      server.tick(server.nowMs + heartbeatMs)
    }
    expect(server.status.role).toBe('follower')
  })
})
