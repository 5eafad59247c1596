import { describe, expect, test } from 'vitest'
import { Cluster, texts, value } from '../../../../testing/src/cluster/cluster.js'
import type { Ballot, Slot } from '../../../src/paxos/ballot.js'
import type { Message } from '../../../src/paxos/messages.js'
import { NO_OP } from '../../../src/paxos/value.js'
import { LoneServer, ballot, only } from '../lone-server.js'

const PREPARED = 2

/** s2 promises what s1 has asked for, and reports no vote. */
function promise(server: LoneServer, slot: Slot, at: Ballot): Message[] {
  return server.receive(2, { type: 'promise', ballot: at, scope: 'slot', slot, votes: [], next: 0 })
}

/** s1, whose proposal in slot 1 was the last one that was chosen. */
function favourite(): { server: LoneServer; prepares: { slot: Slot; ballot: Ballot }[] } {
  const server = new LoneServer({ mode: 'leaderless', preparedSlots: PREPARED })
  server.proposeAndStart('first')
  server.sync()
  promise(server, 1, ballot(1, 1))
  server.sync()
  server.receive(2, { type: 'accepted', ballot: ballot(1, 1), first: 1, last: 1 })
  return { server, prepares: only(server.sync(), 'prepare') }
}

/** The same, once phase 1 is over in the slots that it has prepared. */
function ready(): LoneServer {
  const { prepares, server } = favourite()
  for (const { ballot: at, slot } of prepares) expect(promise(server, slot, at)).toEqual([])
  return server
}

describe('the favourite', () => {
  test('runs phase 1 in the next slots before there is a request', () => {
    const { prepares } = favourite()
    expect([...new Set(prepares.map(({ slot }) => slot))]).toEqual([2, 3])
  })

  test('needs only phase 2 for the next request, and prepares one more slot', () => {
    const server = ready()
    const [accept] = only(server.propose('next'), 'accept')
    expect(accept).toMatchObject({ first: 2, values: [value('next')] })
    expect(only(server.sync(), 'prepare').map(({ slot }) => slot)).toEqual([4, 4])
  })

  test('takes a slot in which phase 1 is under way, and goes on when it is over', () => {
    const { prepares, server } = favourite()
    expect(only(server.propose('next'), 'accept')).toEqual([])
    const [accept] = only(promise(server, 2, prepares[0]!.ballot), 'accept')
    expect(accept).toMatchObject({ first: 2, values: [value('next')] })
  })

  test('finishes the vote that phase 1 finds, and the request moves on', () => {
    const { prepares, server } = favourite()
    server.propose('next')
    const at = prepares[0]!.ballot
    const votes = [{ slot: 2, ballot: ballot(1, 3), value: value('voted'), chosen: false }]
    const answer = { type: 'promise', ballot: at, scope: 'slot', slot: 2, votes, next: 0 } as const
    expect(only(server.receive(2, answer), 'accept')[0]).toMatchObject({ values: [value('voted')] })
    const [accept] = only(promise(server, 3, at), 'accept')
    expect(accept).toMatchObject({ first: 3, values: [value('next')] })
  })

  test('decides a prepared slot below the vote of another server at once', () => {
    const server = ready()
    const messages = server.receive(2, {
      type: 'accept',
      ballot: ballot(1, 2),
      first: 3,
      values: [value('above')],
    })
    expect(only(messages, 'accept')).toMatchObject([
      { first: 2, values: [NO_OP] },
      { first: 2, values: [NO_OP] },
    ])
  })

  test('lets go of a prepared slot that it cannot have', () => {
    const { prepares, server } = favourite()
    const refused = prepares[0]!.ballot
    server.receive(2, { type: 'nack', refused, ballot: ballot(9, 2), slot: 2 })
    server.receive(3, { type: 'prepare', ballot: ballot(9, 2), scope: 'slot', slot: 2 })
    server.propose('next')
    const [accept] = only(promise(server, 3, refused), 'accept')
    expect(accept).toMatchObject({ first: 3, values: [value('next')] })
  })
})

test('what the favourite has prepared is free for others after a pause', () => {
  const cluster = new Cluster({ mode: 'leaderless', config: { preparedSlots: PREPARED } })
  cluster.proposeAlone(1, 'a')
  cluster.settle()
  cluster.crash(1)
  cluster.wait(500)
  cluster.proposeAlone(2, 'b')
  cluster.run(() => cluster.paxos(2).chosen === 2 && cluster.paxos(3).chosen === 2, 1000)
  expect(texts(cluster.prefix(3))).toEqual(['a', 'b'])
})

describe('another server becomes the favourite', () => {
  /** A proposal of s2 is chosen in a slot. Returns the slots that s1 prepares then. */
  function win(server: LoneServer, slot: Slot): Slot[] {
    const at = ballot(5, 2)
    server.receive(2, { type: 'accept', ballot: at, first: slot, values: [value(`s2 in ${slot}`)] })
    server.sync()
    server.receive(2, { type: 'chosen', ballot: at, first: slot, last: slot })
    return [...new Set(only(server.sync(), 'prepare').map((prepare) => prepare.slot))]
  }

  test('when it has won two slots in a row', () => {
    const server = ready()
    expect(win(server, 2)).toEqual([4])
    expect(win(server, 3)).toEqual([])
  })

  test('not when it has won one', () => {
    const server = ready()
    expect(win(server, 2)).toEqual([4])
    server.propose('mine')
    server.sync()
    server.receive(2, { type: 'accepted', ballot: ballot(1, 1), first: 3, last: 3 })
    server.sync()
    expect(win(server, 4)).not.toEqual([])
  })
})

test('the others do not wait for a favourite whose process is gone', () => {
  const cluster = new Cluster({ mode: 'leaderless' })
  for (const text of ['a', 'b']) {
    cluster.proposeAlone(1, text)
    cluster.settle()
  }
  cluster.crash(1)
  cluster.propose(2, 'c')
  const beforeMs = cluster.nowMs
  cluster.step(2, { type: 'peer-gone', peer: 1 })
  cluster.run(() => cluster.paxos(3).chosen === 3, 1000)
  expect(cluster.nowMs - beforeMs).toBeLessThan(100)
})
