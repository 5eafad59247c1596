import { describe, expect, test } from 'vitest'
import { Cluster, texts, value } from '../../../../testing/src/cluster/cluster.js'
import { LoneServer, ballot, chosenVote, only, vote } from '../lone-server.js'
import type { Ballot, Slot } from '../../../src/paxos/ballot.js'
import type { ReportedVote } from '../../../src/paxos/messages.js'

const leaderless = (records: ConstructorParameters<typeof LoneServer>[1] = []) =>
  new LoneServer({ mode: 'leaderless' }, records)

/** The promise of s2 for one slot. */
function promised(server: LoneServer, slot: Slot, at: Ballot, votes: ReportedVote[] = []) {
  return server.receive(2, { type: 'promise', ballot: at, scope: 'slot', slot, votes, next: 0 })
}

const prepares = (messages: Parameters<typeof only>[0]) => [
  ...new Set(only(messages, 'prepare').map(({ slot }) => slot)),
]

describe('a leaderless request', () => {
  test('takes an empty slot, and both phases there', () => {
    const cluster = new Cluster({ mode: 'leaderless' })
    cluster.proposeAlone(1, 'a')
    cluster.sync(1)
    expect(cluster.network.underWay('prepare').map(({ message }) => message)).toEqual([
      { type: 'prepare', ballot: ballot(1, 1), scope: 'slot', slot: 1 },
      { type: 'prepare', ballot: ballot(1, 1), scope: 'slot', slot: 1 },
    ])
    cluster.deliverAll('prepare')
    cluster.sync(2)
    cluster.deliverAll('promise')
    expect(cluster.network.underWay('accept').map(({ message }) => message)).toEqual([
      { type: 'accept', ballot: ballot(1, 1), first: 1, values: [value('a')] },
      { type: 'accept', ballot: ballot(1, 1), first: 1, values: [value('a')] },
    ])
    cluster.settle()
    for (const id of cluster.ids) expect(texts(cluster.prefix(id))).toEqual(['a'])
  })

  test('takes a slot of its own beside other requests', () => {
    const cluster = new Cluster({ mode: 'leaderless' })
    cluster.proposeAlone(1, 'a', 'b', 'c')
    cluster.sync(1)
    expect(cluster.network.underWay('prepare').map(({ message }) => message.slot)).toEqual([1, 1, 2, 2, 3, 3])
    cluster.settle()
    expect(texts(cluster.prefix(2))).toEqual(['a', 'b', 'c'])
  })

  const used = () =>
    leaderless([
      { type: 'decided', first: 1, values: [value('chosen')] },
      { type: 'vote', ballot: ballot(1, 2), first: 2, values: [value('voted')] },
      { type: 'promise', scope: 'slot', slot: 3, ballot: ballot(1, 3) },
    ])

  test('skips slots with a vote, a new promise to another server, or a chosen value', () => {
    const server = used()
    server.receive(3, { type: 'prepare', ballot: ballot(1, 3), scope: 'slot', slot: 3 })
    server.proposeAndStart('a')
    expect(prepares(server.sync())).toEqual([4])
  })

  test('takes a slot that was promised a while ago, and has no vote', () => {
    const server = used()
    server.tick(200)
    server.proposeAndStart('a')
    expect(prepares(server.sync())).toEqual([3])
  })

  test('is proposed once, although it is submitted twice under one id', () => {
    const server = leaderless()
    server.proposeAndStart('a')
    server.proposeAndStart('a')
    expect(prepares(server.sync())).toEqual([1])
  })

  test('waits while the window is full, in order of arrival', () => {
    const server = new LoneServer({ mode: 'leaderless', window: 2 })
    server.proposeAndStart('a', 'b', 'c')
    expect(prepares(server.sync())).toEqual([1, 2])
    promised(server, 1, ballot(1, 1))
    server.sync()
    server.receive(2, { type: 'accepted', ballot: ballot(1, 1), first: 1, last: 1 })
    expect(prepares(server.sync())).toEqual([3])
  })
})

describe('a slot with a vote of another server', () => {
  test('is finished with that value, and the request moves on at once', () => {
    const server = leaderless()
    server.proposeAndStart('mine')
    server.sync()
    const messages = promised(server, 1, ballot(1, 1), [vote(1, ballot(0, 2), 'other')])
    const [accept] = only(messages, 'accept')
    expect([accept?.first, texts(accept?.values ?? [])]).toEqual([1, ['other']])
    expect(prepares(server.sync())).toEqual([2])
  })

  test('is finished with the vote at the highest ballot', () => {
    for (const reverse of [false, true]) {
      const server = new LoneServer({ mode: 'leaderless', servers: [1, 2, 3, 4, 5] })
      server.proposeAndStart('mine')
      server.sync()
      const votes = [vote(1, ballot(0, 3), 'low'), vote(1, ballot(0, 4), 'high')]
      if (reverse) votes.reverse()
      const messages = votes.flatMap((told, index) => {
        const promise = { type: 'promise', ballot: ballot(1, 1), scope: 'slot', slot: 1, next: 0 } as const
        return server.receive(2 + index, { ...promise, votes: [told] })
      })
      expect(texts(only(messages, 'accept')[0]?.values ?? [])).toEqual(['high'])
    }
  })

  test('is finished at once if the value is that of the request', () => {
    const server = leaderless()
    server.proposeAndStart('mine')
    server.sync()
    promised(server, 1, ballot(1, 1), [vote(1, ballot(0, 2), 'mine')])
    expect(prepares(server.sync())).toEqual([])
  })

  test('is learned if it is chosen, and the request moves on', () => {
    const server = leaderless()
    server.proposeAndStart('mine')
    server.sync()
    const messages = promised(server, 1, ballot(1, 1), [chosenVote(1, 'other')])
    expect(only(messages, 'accept')).toEqual([])
    expect(server.paxos.log.status(1)).toEqual({ status: 'chosen', value: value('other') })
    expect(prepares(server.sync())).toEqual([2])
  })
})

describe('a request whose slot was won by another value', () => {
  test('moves on to the next slot', () => {
    const server = leaderless()
    server.proposeAndStart('mine')
    server.sync()
    server.receive(2, { type: 'decided', first: 1, values: [value('other')] })
    expect(prepares(server.sync())).toEqual([2])
  })

  test('is chosen too: two servers in one slot get both values chosen, in two slots', () => {
    const cluster = new Cluster({ mode: 'leaderless' })
    cluster.proposeAlone(1, 'a')
    cluster.proposeAlone(2, 'b')
    cluster.run(() => cluster.ids.every((id) => cluster.paxos(id).chosen >= 2))
    expect(
      texts(cluster.prefix(3))
        .filter((text) => text !== '-')
        .sort(),
    ).toEqual(['a', 'b'])
  })

  test('is not proposed again once it has won a slot', () => {
    const cluster = new Cluster({ mode: 'leaderless' })
    cluster.proposeAlone(1, 'a')
    cluster.settle()
    cluster.wait(5000)
    expect(texts(cluster.prefix(1))).toEqual(['a'])
    expect(cluster.network.sent.get('prepare')).toBe(2)
  })
})

describe('lost messages', () => {
  test.each(['prepare', 'promise', 'accept', 'accepted'] as const)('a lost %s is sent again', (type) => {
    const cluster = new Cluster({ mode: 'leaderless' })
    cluster.proposeAlone(1, 'a')
    let lost = 0
    for (let step = 0; step < 20; step++) {
      for (const id of cluster.ids) cluster.sync(id)
      if (lost === 0) lost = cluster.network.lose(type).length
      cluster.deliver(0)
    }
    expect(lost).toBeGreaterThan(0)
    cluster.wait(1000)
    for (const id of cluster.ids) expect(texts(cluster.prefix(id))).toEqual(['a'])
  })

  test('a lost chosen is replaced by the watermarks of other messages', () => {
    const cluster = new Cluster({ mode: 'leaderless' })
    cluster.proposeAlone(1, 'a')
    cluster.run(() => {
      cluster.network.lose('chosen')
      return cluster.paxos(1).chosen === 1
    })
    cluster.network.lose('chosen')
    cluster.wait(100)
    expect(cluster.ids.map((id) => cluster.paxos(id).chosen)).toEqual([1, 1, 1])
  })

  test('a repeated promise or vote counts once', () => {
    const server = new LoneServer({ mode: 'leaderless', servers: [1, 2, 3, 4, 5] })
    server.proposeAndStart('a')
    server.sync()
    promised(server, 1, ballot(1, 1))
    expect(promised(server, 1, ballot(1, 1))).toEqual([])
    const promise = {
      type: 'promise',
      ballot: ballot(1, 1),
      scope: 'slot',
      slot: 1,
      votes: [],
      next: 0,
    } as const
    expect(only(server.receive(3, promise), 'accept')).toHaveLength(4)
    server.sync()
    const accepted = { type: 'accepted', ballot: ballot(1, 1), first: 1, last: 1 } as const
    server.receive(2, accepted)
    server.receive(2, accepted)
    expect(server.paxos.chosen).toBe(0)
    server.receive(3, accepted)
    expect(server.paxos.chosen).toBe(1)
  })
})

describe('withdrawing a request', () => {
  test('that waits for a slot keeps it from getting one', () => {
    const server = new LoneServer({ mode: 'leaderless', window: 1 })
    server.proposeAndStart('a', 'b')
    server.sync()
    server.step({ type: 'withdraw', id: 2 })
    promised(server, 1, ballot(1, 1))
    server.sync()
    server.receive(2, { type: 'accepted', ballot: ballot(1, 1), first: 1, last: 1 })
    expect(prepares(server.sync())).toEqual([])
  })

  test('in phase 1 leaves its slot undecided', () => {
    const server = leaderless()
    server.proposeAndStart('a')
    server.sync()
    server.step({ type: 'withdraw', id: 1 })
    expect(promised(server, 1, ballot(1, 1))).toEqual([])
    expect(server.paxos.log.status(1)).toEqual({ status: 'empty' })
  })

  test('in phase 2 does not stop it, as it may be chosen already', () => {
    const cluster = new Cluster({ mode: 'leaderless' })
    const [id] = cluster.proposeAlone(1, 'a')
    cluster.sync(1)
    cluster.deliverAll('prepare')
    cluster.sync(2)
    cluster.deliverAll('promise')
    cluster.step(1, { type: 'withdraw', id: id! })
    cluster.settle()
    expect(texts(cluster.prefix(1))).toEqual(['a'])
  })

  test('that lost its slot keeps it from the next slot', () => {
    const server = leaderless()
    server.proposeAndStart('mine')
    server.sync()
    server.step({ type: 'withdraw', id: 1 })
    server.receive(2, { type: 'decided', first: 1, values: [value('other')] })
    expect(prepares(server.sync())).toEqual([])
  })

  test('that is unknown changes nothing', () => {
    expect(leaderless().step({ type: 'withdraw', id: 77 })).toEqual([])
  })
})

test('a single server needs no other server', () => {
  const cluster = new Cluster({ mode: 'leaderless', servers: 1 })
  cluster.proposeAlone(1, 'a', 'b')
  cluster.settle()
  expect(texts(cluster.prefix(1))).toEqual(['a', 'b'])
})
