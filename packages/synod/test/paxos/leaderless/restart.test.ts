import { describe, expect, test } from 'vitest'
import { compareBallots } from '../../../src/paxos/ballot.js'
import { Cluster, texts } from '../../../../testing/src/cluster/cluster.js'
import { LoneServer, ballot, only } from '../lone-server.js'

/** The one promise that a server of three needs besides its own. */
function promised(server: LoneServer, slot: number) {
  const [prepare] = only(server.sync(), 'prepare')
  const at = prepare!.ballot
  return server.receive(2, { type: 'promise', ballot: at, scope: 'slot', slot, votes: [], next: 0 })
}

describe('a proposer that restarts in the middle of an instance', () => {
  test('never uses a ballot again with another value', () => {
    const server = new LoneServer({ mode: 'leaderless' })
    server.proposeAndStart('first')
    const [before] = only(promised(server, 1), 'accept')
    // The accept is out, the own vote is lost: only the promise was durable.
    server.journal.length = 1
    server.restart()
    server.proposeAndStart('second')
    const again = only(server.sync(), 'prepare').find(({ slot }) => slot === 1)
    expect(compareBallots(again!.ballot, before!.ballot)).toBeGreaterThan(0)
  })

  test('has sent no message at a ballot whose promise was not durable', () => {
    const server = new LoneServer({ mode: 'leaderless' })
    expect(server.proposeAndStart('first')).toEqual([])
    server.journal.length = 0
    server.restart()
    server.proposeAndStart('second')
    expect(only(server.sync(), 'prepare')[0]?.ballot).toEqual(ballot(1, 1))
  })

  test('ignores answers meant for its earlier life', () => {
    const server = new LoneServer({ mode: 'leaderless' })
    server.proposeAndStart('first')
    promised(server, 1)
    server.sync()
    server.restart()
    expect(server.receive(2, { type: 'accepted', ballot: ballot(1, 1), first: 1, last: 1 })).toEqual([])
    expect(server.paxos.chosen).toBe(0)
  })
})

test('a cluster that lost power finishes the values that it had voted for', () => {
  const cluster = new Cluster({ mode: 'leaderless' })
  cluster.proposeAlone(1, 'a')
  cluster.sync(1)
  cluster.deliverAll('prepare')
  cluster.sync(2)
  cluster.deliverAll('promise')
  cluster.deliverAll('accept')
  for (const id of cluster.ids) cluster.sync(id)
  for (const id of cluster.ids) cluster.crash(id)
  cluster.network.transits = []
  for (const id of cluster.ids) cluster.restart(id)
  cluster.run(() => cluster.ids.every((id) => cluster.paxos(id).chosen === 1), 1000)
  expect(texts(cluster.prefix(3))).toEqual(['a'])
})

test('a lone server that lost power goes on', () => {
  const cluster = new Cluster({ mode: 'leaderless', servers: 1 })
  cluster.proposeAlone(1, 'a')
  cluster.sync(1)
  const voted = cluster.server(1).journal.findIndex(({ type }) => type === 'vote')
  cluster.sync(1, voted + 1 - cluster.server(1).durable)
  cluster.server(1).journal.length = voted + 1
  cluster.server(1).durable = voted + 1
  cluster.crash(1)
  cluster.restart(1)
  expect(cluster.paxos(1).status()).toMatchObject({ chosen: 0, voted: 1 })
  cluster.run(() => cluster.paxos(1).chosen === 1, 1000)
  expect(texts(cluster.prefix(1))).toEqual(['a'])
})
