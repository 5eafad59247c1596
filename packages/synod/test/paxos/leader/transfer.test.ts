import { describe, expect, test } from 'vitest'
import { Cluster, texts } from '../../../../testing/src/cluster/cluster.js'
import { LoneServer, ballot, only } from '../lone-server.js'

describe('a leader that transfers the leadership', () => {
  test('makes another server campaign, and leads until then', () => {
    const cluster = new Cluster()
    const at = cluster.makeLeader(1)
    cluster.propose(1, 'a')
    cluster.step(1, { type: 'transfer', to: 3 })
    expect(cluster.network.underWay('transfer')).toEqual([
      { from: 1, to: 3, message: { type: 'transfer', ballot: at, to: 3 } },
    ])
    expect(cluster.paxos(1).status().role).toBe('leader')
    const beforeMs = cluster.nowMs
    cluster.settle()
    expect(cluster.nowMs).toBe(beforeMs)
    expect(cluster.leader()).toBe(3)
    expect(cluster.network.sent.get('probe')).toBe(2)
    cluster.propose(3, 'b')
    cluster.settle()
    expect(texts(cluster.prefix(3))).toEqual(['a', 'b'])
  })

  test('picks the server with the highest vote of the servers that it hears', () => {
    const cluster = new Cluster({ servers: 5 })
    cluster.makeLeader(1)
    cluster.network.isolate(4)
    cluster.propose(1, 'a')
    cluster.network.lose('accept', ({ to }) => to === 2)
    cluster.wait(120)
    cluster.network.lose('accept')
    cluster.step(1, { type: 'transfer', to: 0 })
    expect(cluster.network.underWay('transfer').map(({ to }) => to)).not.toContain(4)
    cluster.settle()
    expect([2, 3, 5]).toContain(cluster.leader())
  })

  test('does so at the request of a follower', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.wait(100)
    cluster.step(2, { type: 'transfer', to: 3 })
    cluster.settle()
    expect(cluster.leader()).toBe(3)
  })

  test('goes on if it knows no other server to lead', () => {
    const cluster = new Cluster({ servers: 1 })
    cluster.makeLeader(1)
    for (const to of [0, 1]) cluster.step(1, { type: 'transfer', to })
    expect(cluster.paxos(1).status().role).toBe('leader')
  })
})

describe('a follower asked to take over', () => {
  const at = ballot(4, 1)
  const following = (): LoneServer => {
    const server = new LoneServer({ self: 2 })
    server.receive(1, { type: 'heartbeat', ballot: at, round: 1, chosen: 0, voted: 0 })
    return server
  }

  test('campaigns only if its own leader asked', () => {
    const server = following()
    server.receive(3, { type: 'transfer', ballot: at, to: 2 })
    server.receive(1, { type: 'transfer', ballot: ballot(3, 1), to: 2 })
    expect(server.status.role).toBe('follower')
    server.receive(1, { type: 'transfer', ballot: at, to: 2 })
    expect(server.status.role).toBe('candidate')
    expect(only(server.sync(), 'prepare')).toHaveLength(2)
  })

  test('does not campaign while its disk is stuck', () => {
    const server = following()
    server.step({ type: 'disk-stuck' })
    server.receive(1, { type: 'transfer', ballot: at, to: 2 })
    expect(server.status.role).toBe('follower')
  })

  test('does not campaign while it does not vote', () => {
    const server = new LoneServer({ self: 2, voting: false })
    server.receive(1, { type: 'heartbeat', ballot: at, round: 1, chosen: 0, voted: 0 })
    server.receive(1, { type: 'transfer', ballot: at, to: 2 })
    expect(server.status.role).toBe('learner')
    expect(server.sync()).toEqual([])
  })
})
