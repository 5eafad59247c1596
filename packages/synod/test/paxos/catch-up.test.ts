import { describe, expect, test } from 'vitest'
import { MAX_MESSAGE_SLOTS, MAX_MESSAGE_VALUES_BYTES } from '../../src/paxos/config.js'
import { Cluster, texts, value } from '../../../testing/src/cluster/cluster.js'
import { LoneServer, ballot, only } from './lone-server.js'

describe.each(['leader', 'leaderless'] as const)('in %s mode', (mode) => {
  test('a server that was down learns the slots that it missed', () => {
    const cluster = new Cluster({ mode })
    if (mode === 'leader') cluster.makeLeader(1)
    cluster.kill(3)
    cluster.propose(1, 'a', 'b')
    cluster.run(() => cluster.paxos(1).chosen === 2)
    cluster.restart(3)
    cluster.wait(500)
    expect(texts(cluster.prefix(3))).toEqual(texts(cluster.prefix(1)))
  })
})

describe('a server far behind', () => {
  test('catches up in several messages, one right after the other', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.network.isolate(3)
    const slots = 2 * MAX_MESSAGE_SLOTS + 100
    cluster.propose(1, ...Array.from({ length: slots }, (_, index) => `r${index}`))
    cluster.settle()
    cluster.network.heal()
    cluster.wait(60)
    expect(cluster.paxos(3).chosen).toBe(slots)
    expect(texts([cluster.value(3, slots)])).toEqual([`r${slots - 1}`])
    expect(cluster.network.sent.get('decided')).toBeGreaterThanOrEqual(3)
    expect(cluster.network.sent.get('decided')).toBeLessThan(6)
  })

  test('asks one peer at a time, and again if no answer comes', () => {
    const server = new LoneServer({ self: 3 })
    const at = ballot(1, 1)
    const heartbeat = { type: 'heartbeat', ballot: at, round: 1, chosen: 5, voted: 5 } as const
    expect(only(server.receive(1, heartbeat), 'fetch')).toEqual([{ type: 'fetch', first: 1, last: 5 }])
    expect(only(server.receive(1, heartbeat), 'fetch')).toEqual([])
    server.nowMs += server.config.resendMs
    expect(only(server.receive(1, heartbeat), 'fetch')).toHaveLength(1)
  })

  test('asks from its first unknown slot', () => {
    const server = new LoneServer({ self: 3 }, [{ type: 'decided', first: 1, values: [value('a')] }])
    const at = ballot(1, 1)
    const answer = server.receive(1, { type: 'heartbeat', ballot: at, round: 1, chosen: 3, voted: 3 })
    expect(only(answer, 'fetch')).toEqual([{ type: 'fetch', first: 2, last: 3 }])
  })

  test('still knows all that it learned after a restart', () => {
    const server = new LoneServer({ self: 3 })
    server.receive(1, { type: 'decided', first: 1, values: ['a', 'b'].map(value) })
    server.restart()
    expect(server.paxos.chosen).toBe(2)
  })

  test('never accepts another value for a slot that it knows to be chosen', () => {
    const server = new LoneServer({ self: 3 })
    server.receive(1, { type: 'decided', first: 1, values: [value('a')] })
    expect(() => server.receive(2, { type: 'decided', first: 1, values: [value('b')] })).toThrow(
      'two values chosen',
    )
  })
})

describe('an answer to a fetch', () => {
  const told = (records: readonly string[], first: number, last: number) => {
    const server = new LoneServer({}, [{ type: 'decided', first: 1, values: records.map(value) }])
    return only(server.receive(2, { type: 'fetch', first, last }), 'decided').map((decided) =>
      texts(decided.values),
    )
  }

  test('lists the chosen values from the first requested slot on', () => {
    expect(told(['a', 'b', 'c'], 2, 9)).toEqual([['b', 'c']])
    expect(told(['a', 'b', 'c'], 1, 2)).toEqual([['a', 'b']])
  })

  test('is empty if that slot is not known to be chosen', () => {
    expect(told(['a'], 2, 9)).toEqual([[]])
  })

  test('stops at a gap, and contains no votes', () => {
    const server = new LoneServer({}, [
      { type: 'decided', first: 1, values: [value('a')] },
      { type: 'vote', ballot: ballot(1, 2), first: 2, values: [value('open')] },
      { type: 'decided', first: 3, values: [value('c')] },
    ])
    const [decided] = only(server.receive(2, { type: 'fetch', first: 1, last: 3 }), 'decided')
    expect(texts(decided?.values ?? [])).toEqual(['a'])
  })

  test('is limited in bytes, and has at least one value', () => {
    const large = 'x'.repeat(MAX_MESSAGE_VALUES_BYTES + 1)
    expect(told([large, 'b'], 1, 2)).toEqual([[large]])
    const half = 'y'.repeat(MAX_MESSAGE_VALUES_BYTES / 2)
    expect(told([half, half, 'c'], 1, 3)).toEqual([[half, half]])
  })
})

describe('"chosen up to here"', () => {
  const server = () =>
    new LoneServer({ self: 3 }, [
      { type: 'vote', ballot: ballot(1, 1), first: 1, values: [value('a')] },
      { type: 'vote', ballot: ballot(1, 1), first: 2, values: [value('old')] },
      { type: 'vote', ballot: ballot(2, 2), first: 3, values: [value('c')] },
    ])

  test('applies to votes at that ballot only', () => {
    const it = server()
    it.receive(2, { type: 'chosen', ballot: ballot(2, 2), first: 1, last: 3 })
    expect([1, 2, 3].map((slot) => it.paxos.log.status(slot).status)).toEqual(['voted', 'voted', 'chosen'])
  })

  test('makes a server ask for values that it does not have', () => {
    const it = server()
    const messages = it.receive(2, { type: 'chosen', ballot: ballot(2, 2), first: 1, last: 3 })
    expect(only(messages, 'fetch')).toEqual([{ type: 'fetch', first: 1, last: 3 }])
  })

  test('is recorded for each slot, and still known after a restart', () => {
    const it = server()
    it.receive(1, { type: 'chosen', ballot: ballot(1, 1), first: 1, last: 1 })
    it.receive(2, { type: 'chosen', ballot: ballot(2, 2), first: 1, last: 3 })
    it.restart()
    expect([1, 2, 3].map((slot) => it.paxos.log.status(slot).status)).toEqual(['chosen', 'voted', 'chosen'])
    expect(it.paxos.chosen).toBe(1)
  })
})
