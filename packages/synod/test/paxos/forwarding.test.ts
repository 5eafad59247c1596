import { describe, expect, test } from 'vitest'
import { MAX_MESSAGE_SLOTS, MAX_QUEUED } from '../../src/paxos/config.js'
import { Cluster, texts, value } from '../../../testing/src/cluster/cluster.js'
import { LoneServer, ballot, only } from './lone-server.js'

describe('a proposal at a follower', () => {
  test('is forwarded to the leader, and chosen', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.propose(2, 'a', 'b')
    expect(cluster.network.underWay('forward').map(({ to }) => to)).toEqual([1])
    cluster.settle()
    expect(cluster.ids.map((id) => texts(cluster.prefix(id)))).toEqual([
      ['a', 'b'],
      ['a', 'b'],
      ['a', 'b'],
    ])
  })

  test('is neither forwarded nor recorded while there is no leader', () => {
    const server = new LoneServer()
    expect(server.propose('a')).toEqual([])
    expect(server.last?.records).toEqual([])
  })

  test('is split into messages within the limits', () => {
    const server = new LoneServer({ self: 2 })
    server.receive(1, { type: 'heartbeat', ballot: ballot(1, 1), round: 1, chosen: 0, voted: 0 })
    const many = Array.from({ length: MAX_MESSAGE_SLOTS + 1 }, (_, index) => `r${index}`)
    expect(only(server.propose(...many), 'forward').map(({ values }) => values.length)).toEqual([
      MAX_MESSAGE_SLOTS,
      1,
    ])
  })
})

test('a forward to a server that does not lead is dropped', () => {
  const server = new LoneServer({ self: 2 })
  server.receive(1, { type: 'heartbeat', ballot: ballot(1, 1), round: 1, chosen: 0, voted: 0 })
  expect(server.receive(3, { type: 'forward', values: [value('a')] })).toEqual([])
})

test('a leader accepts forwards within its window', () => {
  const server = new LoneServer({ window: 1 })
  server.becomeLeader()
  expect(only(server.receive(2, { type: 'forward', values: ['a', 'b'].map(value) }), 'accept')).toHaveLength(
    2,
  )
  expect(only(server.receive(3, { type: 'forward', values: [value('c')] }), 'accept')).toEqual([])
})

test('a server reports how many more proposals it can queue', () => {
  const follower = new LoneServer({ self: 2 })
  follower.receive(1, { type: 'heartbeat', ballot: ballot(1, 1), round: 1, chosen: 0, voted: 0 })
  expect(follower.paxos.capacity).toBe(Infinity)
  const leader = new LoneServer({ window: 1 })
  leader.becomeLeader()
  leader.propose('in flight')
  expect(leader.paxos.capacity).toBe(MAX_QUEUED)
  leader.propose('a', 'b')
  expect(leader.paxos.capacity).toBe(MAX_QUEUED - 2)
  const leaderless = new LoneServer({ mode: 'leaderless', window: 1 })
  leaderless.proposeAndStart('in flight', 'a', 'b')
  expect(leaderless.paxos.capacity).toBe(MAX_QUEUED - 2)
})
