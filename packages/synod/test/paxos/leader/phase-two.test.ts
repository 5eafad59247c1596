import { describe, expect, test } from 'vitest'
import { MAX_MESSAGE_SLOTS, MAX_MESSAGE_VALUES_BYTES } from '../../../src/paxos/config.js'
import { Cluster, texts } from '../../../../testing/src/cluster/cluster.js'
import { LoneServer, ballot, only } from '../lone-server.js'

/** A cluster that s1 leads. */
function led(options: ConstructorParameters<typeof Cluster>[0] = {}): Cluster {
  const cluster = new Cluster(options)
  cluster.makeLeader(1)
  return cluster
}

/** A leader, and a peer's vote in the slots `first` to `last`. */
function lone(window?: number) {
  const server = new LoneServer(window === undefined ? {} : { window })
  const at = server.becomeLeader()
  const accepted = (first: number, last = first, from = 2) =>
    server.receive(from, { type: 'accepted', ballot: at, first, last })
  return { server, at, accepted }
}

describe('one proposal', () => {
  test('is chosen by the votes of a quorum, and all servers hear of it', () => {
    const cluster = led()
    cluster.propose(1, 'a')
    expect(cluster.network.underWay('accept').map(({ to }) => to)).toEqual([2, 3])
    cluster.network.lose('accept', ({ to }) => to === 3)
    cluster.sync(1)
    expect(cluster.paxos(1).chosen).toBe(0)
    cluster.deliverAll('accept')
    cluster.sync(2)
    cluster.deliverAll('accepted')
    expect(cluster.paxos(1).chosen).toBe(1)
    cluster.deliverAll('chosen')
    expect(cluster.paxos(2).chosen).toBe(1)
  })

  test('is chosen by two followers while the disk of the leader is slow', () => {
    const cluster = led()
    cluster.propose(1, 'a')
    cluster.deliverAll('accept')
    cluster.sync(2)
    cluster.sync(3)
    cluster.deliverAll('accepted')
    expect(texts(cluster.prefix(1))).toEqual(['a'])
  })

  test('is not chosen by one vote that arrives twice', () => {
    const server = new LoneServer({ servers: [1, 2, 3, 4, 5] })
    const at = server.becomeLeader()
    server.propose('a')
    server.sync()
    server.receive(2, { type: 'accepted', ballot: at, first: 1, last: 1 })
    server.receive(2, { type: 'accepted', ballot: at, first: 1, last: 1 })
    expect(server.paxos.chosen).toBe(0)
  })

  test('is not chosen by a vote at another ballot', () => {
    const { server, at } = lone()
    server.propose('a')
    server.sync()
    server.receive(2, { type: 'accepted', ballot: ballot(at.seq - 1, 1), first: 1, last: 1 })
    server.receive(3, { type: 'accepted', ballot: ballot(at.seq, 3), first: 1, last: 1 })
    expect(server.paxos.chosen).toBe(0)
  })
})

describe('many proposals', () => {
  test('made together take consecutive slots and one accept', () => {
    const { server } = lone()
    const [accept] = only(server.propose('a', 'b', 'c'), 'accept')
    expect(accept?.first).toBe(1)
    expect(texts(accept?.values ?? [])).toEqual(['a', 'b', 'c'])
  })

  test('are in phase 2 at the same time', () => {
    const { server, accepted } = lone()
    expect(only(server.propose('a'), 'accept')[0]?.first).toBe(1)
    expect(only(server.propose('b'), 'accept')[0]?.first).toBe(2)
    server.sync()
    accepted(2)
    expect(server.paxos.log.status(2)).toMatchObject({ status: 'chosen' })
    expect(server.paxos.chosen).toBe(0)
    accepted(1)
    expect(server.paxos.chosen).toBe(2)
  })

  test('are split into messages with a limited number of slots', () => {
    const { server } = lone()
    const many = Array.from({ length: MAX_MESSAGE_SLOTS + 1 }, (_, index) => `r${index}`)
    const accepts = only(server.propose(...many), 'accept')
    expect(accepts.map(({ first, values }) => [first, values.length])).toEqual([
      [1, MAX_MESSAGE_SLOTS],
      [1, MAX_MESSAGE_SLOTS],
      [MAX_MESSAGE_SLOTS + 1, 1],
      [MAX_MESSAGE_SLOTS + 1, 1],
    ])
  })

  test('are split into messages with a limited number of bytes', () => {
    const { server } = lone()
    const half = 'x'.repeat(MAX_MESSAGE_VALUES_BYTES / 2)
    const accepts = only(server.propose('a', half, half, 'b'), 'accept')
    expect(accepts.map(({ first }) => first)).toEqual([1, 1, 3, 3])
  })
})

describe('the window', () => {
  const firsts = (messages: Parameters<typeof only>[0]) => [
    ...new Set(only(messages, 'accept').map(({ first }) => first)),
  ]

  test('limits the slots in phase 2, and the queue drains as votes arrive', () => {
    const { server, accepted } = lone(2)
    expect(firsts(server.propose('a'))).toEqual([1])
    expect(firsts(server.propose('b'))).toEqual([2])
    expect(firsts(server.propose('c', 'd'))).toEqual([])
    server.sync()
    expect(firsts(accepted(1))).toEqual([3])
    expect(firsts(accepted(2))).toEqual([4])
  })

  test('ends a fixed distance above the chosen watermark, even if slots within it are chosen', () => {
    const { server, accepted } = lone(2)
    server.propose('a')
    server.propose('b')
    server.propose('c')
    server.sync()
    expect(firsts(accepted(2))).toEqual([])
    expect(firsts(accepted(1))).toEqual([3])
  })

  test('keeps the order of queued proposals, and all of them are chosen', () => {
    const cluster = led({ config: { window: 3 } })
    const all = Array.from({ length: 20 }, (_, index) => `r${index}`)
    for (const text of all) cluster.propose(1, text)
    cluster.settle()
    for (const id of cluster.ids) expect(texts(cluster.prefix(id))).toEqual(all)
  })

  test('is not enlarged by a vote that arrives twice', () => {
    const { server, accepted } = lone(1)
    server.propose('a')
    server.propose('b')
    server.propose('c')
    server.sync()
    expect(firsts(accepted(1))).toEqual([2])
    expect(firsts(accepted(1))).toEqual([])
  })
})

describe('lost messages', () => {
  test('a lost accept is sent again, to servers that have not voted', () => {
    const cluster = led()
    cluster.propose(1, 'a')
    cluster.network.lose('accept')
    cluster.wait(600)
    expect(cluster.ids.map((id) => cluster.paxos(id).chosen)).toEqual([1, 1, 1])
  })

  test('a lost accepted is repeated on request, without another vote', () => {
    const cluster = led()
    cluster.propose(1, 'a')
    cluster.sync(1)
    cluster.deliverAll('accept')
    cluster.sync(2)
    cluster.sync(3)
    expect(cluster.network.lose('accepted')).toHaveLength(2)
    const written = cluster.server(2).journal.filter(({ type }) => type === 'vote').length
    cluster.wait(600)
    expect(cluster.ids.map((id) => cluster.paxos(id).chosen)).toEqual([1, 1, 1])
    expect(cluster.server(2).journal.filter(({ type }) => type === 'vote')).toHaveLength(written)
  })

  test('a server that has voted gets no accept again', () => {
    const { server, accepted } = lone()
    const five = new LoneServer({ servers: [1, 2, 3, 4, 5] })
    const at = five.becomeLeader()
    five.propose('a')
    five.receive(2, { type: 'accepted', ballot: at, first: 1, last: 1 })
    for (const peer of [2, 3, 4, 5]) {
      five.receive(peer, { type: 'heartbeat-answer', ballot: at, round: 1, chosen: 0, voted: 0 })
    }
    expect(only(five.tick(five.nowMs + five.config.resendMs), 'accept')).toHaveLength(3)
    server.propose('a')
    server.sync()
    accepted(1)
    expect(only(server.tick(server.nowMs + server.config.resendMs), 'accept')).toEqual([])
  })

  test('a lost chosen is replaced by the next heartbeat', () => {
    const cluster = led()
    cluster.propose(1, 'a')
    cluster.sync(1)
    cluster.deliverAll('accept')
    cluster.sync(2)
    cluster.deliverAll('accepted')
    cluster.network.lose('chosen')
    cluster.wait(cluster.server(1).config.heartbeatMs)
    expect(cluster.ids.map((id) => cluster.paxos(id).chosen)).toEqual([1, 1, 1])
  })
})

describe('clusters of other sizes', () => {
  test('a single server leads itself, and needs no other server', () => {
    const cluster = new Cluster({ servers: 1 })
    expect(cluster.elect()).toBe(1)
    cluster.propose(1, 'a', 'b')
    expect(cluster.paxos(1).chosen).toBe(0)
    cluster.sync(1)
    expect(texts(cluster.prefix(1))).toEqual(['a', 'b'])
    expect(cluster.network.sent.size).toBe(0)
    cluster.crash(1)
    cluster.restart(1)
    cluster.elect()
    cluster.propose(1, 'c')
    cluster.settle()
    expect(texts(cluster.prefix(1))).toEqual(['a', 'b', 'c'])
  })

  test('five servers continue while any two are down', () => {
    const cluster = new Cluster({ servers: 5 })
    cluster.makeLeader(1)
    cluster.kill(4)
    cluster.kill(5)
    cluster.propose(1, 'a')
    cluster.settle()
    expect([1, 2, 3].map((id) => texts(cluster.prefix(id)))).toEqual([['a'], ['a'], ['a']])
    cluster.kill(3)
    cluster.propose(1, 'b')
    cluster.wait(300)
    expect(cluster.paxos(1).chosen).toBe(1)
    cluster.restart(5)
    cluster.wait(600)
    expect(texts(cluster.prefix(1))).toEqual(['a', 'b'])
  })
})
