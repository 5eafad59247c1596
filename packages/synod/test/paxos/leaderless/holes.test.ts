import { describe, expect, test } from 'vitest'
import { Cluster, texts, value } from '../../../../testing/src/cluster/cluster.js'
import { LoneServer, ballot, only } from '../lone-server.js'
import { NO_OP } from '../../../src/paxos/value.js'

/** s3 prepares slot 1 with a quorum, and is never heard of again. */
function abandonedSlot(): Cluster {
  const cluster = new Cluster({ mode: 'leaderless' })
  cluster.proposeAlone(3, 'lost')
  cluster.sync(3)
  cluster.deliverAll('prepare')
  cluster.sync(1)
  cluster.sync(2)
  cluster.crash(3)
  cluster.network.transits = []
  return cluster
}

describe('a slot without a proposer', () => {
  test('is skipped by later proposals, and delays their execution', () => {
    const cluster = abandonedSlot()
    cluster.proposeAlone(1, 'a')
    cluster.settle()
    expect(cluster.paxos(1).log.status(2)).toEqual({ status: 'chosen', value: value('a') })
    expect(cluster.paxos(1).chosen).toBe(0)
  })

  test('is filled with a no-op within a fraction of a second, and later slots are executed', () => {
    const cluster = abandonedSlot()
    cluster.proposeAlone(1, 'a')
    cluster.run(() => cluster.paxos(1).chosen === 2 && cluster.paxos(2).chosen === 2, 300)
    expect(texts(cluster.prefix(1))).toEqual(['-', 'a'])
  })

  test('is finished with the value of the vote in it, if there is one', () => {
    const cluster = new Cluster({ mode: 'leaderless' })
    cluster.proposeAlone(3, 'orphan')
    cluster.sync(3)
    cluster.deliverAll('prepare')
    cluster.sync(2)
    cluster.deliverAll('promise')
    cluster.deliverAll('accept', ({ to }) => to === 2)
    cluster.sync(2)
    cluster.crash(3)
    cluster.network.transits = []
    cluster.run(() => cluster.paxos(1).chosen === 1 && cluster.paxos(2).chosen === 1, 500)
    expect(texts(cluster.prefix(1))).toEqual(['orphan'])
  })

  test('is filled if it is one of several', () => {
    const server = new LoneServer({ mode: 'leaderless' })
    server.receive(2, { type: 'accept', ballot: ballot(1, 2), first: 4, values: [value('d')] })
    server.tickUntil('prepare')
    const promises = server.journal.filter(({ type }) => type === 'promise')
    expect(promises).toMatchObject([1, 2, 3, 4].map((slot) => ({ scope: 'slot', slot })))
  })

  test('is not filled if no vote is above it', () => {
    const cluster = abandonedSlot()
    cluster.wait(2000)
    expect(cluster.paxos(1).status()).toMatchObject({ chosen: 0, voted: 0 })
  })
})

describe('the slot of a withdrawn request', () => {
  test('takes the next request', () => {
    const cluster = new Cluster({ mode: 'leaderless' })
    const [id] = cluster.proposeAlone(1, 'withdrawn')
    cluster.step(1, { type: 'withdraw', id: id! })
    cluster.settle()
    cluster.proposeAlone(1, 'a')
    cluster.run(() => cluster.ids.every((other) => cluster.paxos(other).chosen === 1), 500)
    expect(texts(cluster.prefix(2))).toEqual(['a'])
  })

  test('is filled when another server votes above it', () => {
    const server = new LoneServer({ mode: 'leaderless' })
    server.proposeAndStart('withdrawn')
    server.step({ type: 'withdraw', id: 1 })
    server.receive(2, { type: 'accept', ballot: ballot(1, 2), first: 2, values: [value('above')] })
    const [prepare] = only(server.sync(), 'prepare')
    const promise = { ballot: prepare!.ballot, scope: 'slot', slot: 1, votes: [], next: 0 } as const
    const [accept] = only(server.receive(2, { type: 'promise', ...promise }), 'accept')
    expect(accept).toMatchObject({ first: 1, values: [NO_OP] })
  })
})
