import { describe, expect, test } from 'vitest'
import type { JournalRecord } from '../../src/paxos/records.js'
import { Cluster, texts, value } from '../../../testing/src/cluster/cluster.js'
import { withoutTrimmed } from '../../../testing/src/cluster/cluster-server.js'
import { membershipAfter } from '../../../testing/src/core-config.js'
import { foundingMembership } from '../../src/paxos/membership.js'
import { LoneServer, ballot, only } from './lone-server.js'

describe.each(['leader', 'leaderless'] as const)('in %s mode', (mode) => {
  test('a server behind slots that all others have dropped continues from a snapshot', () => {
    const cluster = new Cluster({ mode })
    if (mode === 'leader') cluster.makeLeader(1)
    cluster.kill(3)
    cluster.propose(1, 'a', 'b', 'c')
    cluster.run(() => cluster.paxos(1).chosen === 3 && cluster.paxos(2).chosen === 3)
    for (const id of [1, 2]) cluster.trim(id, 2)
    cluster.restart(3)
    cluster.run(() => cluster.paxos(3).chosen === 3)
    expect(texts(cluster.prefix(3))).toEqual(texts(cluster.prefix(1)))
    expect(cluster.paxos(3).log.state.trimmed).toBe(2)
    expect(cluster.network.sent.get('trimmed')).toBeGreaterThan(0)
  })

  test('trimmed slots may have been chosen without this server, and its watermark moves', () => {
    const server = new LoneServer({ self: 3, mode })
    server.step({ type: 'trim', slot: 5 })
    expect(server.status).toMatchObject({ chosen: 5, voted: 5 })
    expect(server.journal.at(-1)).toMatchObject({ type: 'trim', slot: 5 })
    server.step({ type: 'trim', slot: 4 })
    expect(server.journal.filter(({ type }) => type === 'trim').length).toBe(1)
  })
})

describe('an acceptor with dropped slots', () => {
  const at = ballot(4, 2)
  const dropped = (): LoneServer => {
    const server = new LoneServer()
    server.receive(2, { type: 'prepare', ballot: at, scope: 'log', slot: 1 })
    server.receive(2, { type: 'accept', ballot: at, first: 1, values: [value('a'), value('b'), value('c')] })
    server.receive(2, { type: 'chosen', ballot: at, first: 1, last: 2 })
    server.step({ type: 'trim', slot: 2 })
    return server
  }

  test('answers a prepare, an accept and a fetch for them with the last dropped slot, and nothing else', () => {
    const server = dropped()
    const records = server.journal.length
    const trimmed = { type: 'trimmed', slot: 2 }
    const higher = ballot(5, 3)
    for (const scope of ['log', 'slot'] as const)
      expect(server.receive(3, { type: 'prepare', ballot: higher, scope, slot: 2 })).toEqual([trimmed])
    expect(server.receive(3, { type: 'accept', ballot: higher, first: 1, values: [value('x')] })).toEqual([
      trimmed,
    ])
    expect(server.receive(3, { type: 'fetch', first: 1, last: 3 })).toEqual([trimmed])
    expect(server.journal.length).toBe(records)
  })

  test('is bound by its promises and votes in them, also after a restart from a trimmed journal', () => {
    const left = withoutTrimmed(dropped().journal)
    expect(left.map(({ type }) => type)).toEqual(['vote', 'trim'])
    // Nothing but the trim tells of the promise.
    const again = new LoneServer({}, left)
    expect(again.status).toMatchObject({ chosen: 2, voted: 3 })
    const nack = { type: 'nack', ballot: at }
    const low = ballot(3, 3)
    expect(again.receive(3, { type: 'prepare', ballot: low, scope: 'log', slot: 4 })).toMatchObject([nack])
    expect(again.receive(3, { type: 'accept', ballot: low, first: 4, values: [value('x')] })).toMatchObject([
      nack,
    ])
  })

  test('ignores records of dropped slots in its journal', () => {
    const { journal } = dropped()
    const chosen: JournalRecord = { type: 'chosen', first: 1, last: 2 }
    const again = new LoneServer({}, [chosen, ...journal.slice(1), { type: 'chosen', first: 2, last: 3 }])
    expect(again.status).toMatchObject({ chosen: 3, voted: 3 })
  })
})

test('a candidate whose prepare names dropped slots goes back to following', () => {
  const server = new LoneServer()
  server.nowMs = 10_000
  server.step({ type: 'tick' })
  server.receive(2, { type: 'probe-answer', round: 1, missing: true, ballot: ballot(0, 0), chosen: 0 })
  expect(server.status.role).toBe('candidate')
  server.receive(2, { type: 'trimmed', slot: 7 })
  expect(server.status.role).toBe('follower')
  expect(server.last?.behind).toEqual({ peer: 2, slot: 7 })
})

test('a leader proposes the rest of an accept anew if a part of its slots was dropped', () => {
  const cluster = new Cluster()
  const at = cluster.makeLeader(1)
  cluster.propose(1, 'a', 'b', 'c')
  cluster.network.lose('accept')
  cluster.sync(1)
  // Two of the three turn out to be chosen: a snapshot says so.
  cluster.server(1).executed.push(value('a'), value('b'))
  const { config, executed } = cluster.server(1)
  cluster.step(1, { type: 'trim', slot: 2, membership: membershipAfter(config, executed) })
  expect(cluster.network.underWay('accept').map(({ message }) => message)).toEqual(
    [2, 3].map(() => ({ type: 'accept', ballot: at, first: 3, values: [value('c')] })),
  )
  cluster.step(1, { type: 'message', from: 2, message: { type: 'accepted', ballot: at, first: 3, last: 3 } })
  expect(cluster.paxos(1).save().leader.role).toMatchObject({ name: 'leader' })
})

test('in leaderless mode, a request whose slot was dropped moves on to another slot', () => {
  const server = new LoneServer({ mode: 'leaderless' })
  server.proposeAndStart('a')
  server.step({ type: 'trim', slot: 3, membership: { ...server.config.membership, slot: 3 } })
  expect(only(server.sync(), 'prepare').at(-1)).toMatchObject({ scope: 'slot', slot: 4 })
  expect([...server.paxos.save().leaderless.instances.keys()]).toEqual([4])
})

test('in leaderless mode, a favourite whose snapshot is gone prepares no slot before it knows the members', () => {
  const own = ballot(1, 3)
  const records: JournalRecord[] = [
    { type: 'trim', slot: 5, promised: own, voted: own },
    { type: 'vote', ballot: own, first: 6, values: [value('a'), value('b')] },
  ]
  const membership = foundingMembership([])
  const server = new LoneServer({ self: 3, mode: 'leaderless', preparedSlots: 2, membership }, records)
  const said = [6, 7].flatMap((slot) =>
    server.receive(2, { type: 'chosen', ballot: own, first: slot, last: slot }),
  )
  expect(server.status.chosen).toBe(7)
  expect(said.filter(({ type }) => type === 'prepare')).toEqual([])
})
