import { describe, expect, test } from 'vitest'
import type { Ballot, Slot } from '../../src/paxos/ballot.js'
import { MAX_MESSAGE_SLOTS, MAX_MESSAGE_VALUES_BYTES } from '../../src/paxos/config.js'
import type { Accept, Message, Prepare, PromiseMessage, Scope } from '../../src/paxos/messages.js'
import { Cluster, value } from '../../../testing/src/cluster/cluster.js'
import { LoneServer, ballot, chosenVote, only, vote } from './lone-server.js'

const prepare = (at: Ballot, scope: Scope = 'log', slot: Slot = 1): Prepare => ({
  type: 'prepare',
  ballot: at,
  scope,
  slot,
})
const accept = (at: Ballot, first: Slot, ...texts: string[]): Accept => ({
  type: 'accept',
  ballot: at,
  first,
  values: texts.map(value),
})
const types = (messages: readonly Message[]) => messages.map((message) => message.type)

/** An acceptor, and what it answers when it has a quick disk. */
function acceptor(): { server: LoneServer; ask: (message: Prepare | Accept) => Message[] } {
  const server = new LoneServer()
  return { server, ask: (message) => server.exchange(message.ballot.server, message) }
}

describe('phase 1', () => {
  test('a first prepare is promised, without votes', () => {
    const { ask } = acceptor()
    expect(ask(prepare(ballot(1, 2)))).toEqual([
      { type: 'promise', ballot: ballot(1, 2), scope: 'log', slot: 1, votes: [], next: 0 },
    ])
  })

  test('a lower prepare is refused with the higher ballot', () => {
    const { ask } = acceptor()
    ask(prepare(ballot(2, 2)))
    expect(ask(prepare(ballot(1, 3)))).toEqual([
      { type: 'nack', refused: ballot(1, 3), ballot: ballot(2, 2), slot: 1 },
    ])
  })

  test('of two ballots with one number, the server decides', () => {
    const { ask } = acceptor()
    expect(types(ask(prepare(ballot(1, 2))))).toEqual(['promise'])
    expect(types(ask(prepare(ballot(1, 3))))).toEqual(['promise'])
    expect(types(ask(prepare(ballot(1, 2))))).toEqual(['nack'])
  })

  test('a repeated prepare is promised again, without another record', () => {
    const { ask, server } = acceptor()
    const first = ask(prepare(ballot(1, 2)))
    expect(ask(prepare(ballot(1, 2)))).toEqual(first)
    expect(server.journal).toHaveLength(1)
  })

  test('a prepare at a ballot of another server than its sender is not answered', () => {
    const { server } = acceptor()
    expect(server.exchange(3, prepare(ballot(1, 2)))).toEqual([])
    expect(server.journal).toEqual([])
  })

  test('a promise lists the votes from the given slot on, in order', () => {
    const { ask } = acceptor()
    ask(accept(ballot(1, 2), 1, 'a', 'b', 'c'))
    const [promise] = only(ask(prepare(ballot(2, 3), 'log', 2)), 'promise')
    expect(promise?.votes).toEqual([vote(2, ballot(1, 2), 'b'), vote(3, ballot(1, 2), 'c')])
  })

  test('a promise lists a vote at the ballot at which it was cast', () => {
    const { ask } = acceptor()
    ask(accept(ballot(1, 2), 1, 'a'))
    ask(prepare(ballot(5, 3)))
    const [promise] = only(ask(prepare(ballot(7, 2))), 'promise')
    expect(promise?.votes).toEqual([vote(1, ballot(1, 2), 'a')])
  })

  test('a promise lists only the last vote in a slot', () => {
    const { ask } = acceptor()
    ask(accept(ballot(1, 2), 1, 'a'))
    ask(accept(ballot(2, 3), 1, 'b'))
    const [promise] = only(ask(prepare(ballot(3, 2))), 'promise')
    expect(promise?.votes).toEqual([vote(1, ballot(2, 3), 'b')])
  })

  test('a promise lists chosen values as chosen, even without a vote', () => {
    const { ask, server } = acceptor()
    server.receive(2, { type: 'decided', first: 1, values: [value('a')] })
    const [promise] = only(ask(prepare(ballot(3, 2))), 'promise')
    expect(promise?.votes).toEqual([chosenVote(1, 'a')])
  })
})

describe('phase 2', () => {
  test('an acceptor votes at a ballot without a promise, if no promise or vote is higher', () => {
    const { ask } = acceptor()
    expect(ask(accept(ballot(1, 2), 4, 'a', 'b'))).toEqual([
      { type: 'accepted', ballot: ballot(1, 2), first: 4, last: 5 },
    ])
  })

  test('an acceptor votes at the promised ballot, and not below it', () => {
    const { ask, server } = acceptor()
    ask(prepare(ballot(2, 2)))
    expect(types(ask(accept(ballot(2, 2), 1, 'a')))).toEqual(['accepted'])
    expect(ask(accept(ballot(1, 3), 2, 'b'))).toEqual([
      { type: 'nack', refused: ballot(1, 3), ballot: ballot(2, 2), slot: 2 },
    ])
    expect(server.paxos.log.status(2)).toEqual({ status: 'empty' })
  })

  test('a vote binds as a promise does', () => {
    const { ask } = acceptor()
    ask(accept(ballot(3, 2), 1, 'a'))
    expect(types(ask(accept(ballot(2, 2), 1, 'b')))).toEqual(['nack'])
    expect(types(ask(prepare(ballot(2, 3))))).toEqual(['nack'])
    expect(types(ask(prepare(ballot(2, 3), 'slot', 1)))).toEqual(['nack'])
  })

  test('a repeated accept is answered again, without another record', () => {
    const { ask, server } = acceptor()
    const first = ask(accept(ballot(1, 2), 1, 'a'))
    expect(ask(accept(ballot(1, 2), 1, 'a'))).toEqual(first)
    expect(server.journal).toHaveLength(1)
  })

  test('a range of slots gets votes in all of them, or in none', () => {
    const { ask, server } = acceptor()
    ask(prepare(ballot(5, 2), 'slot', 2))
    expect(types(ask(accept(ballot(1, 2), 1, 'a', 'b', 'c')))).toEqual(['nack'])
    for (const slot of [1, 2, 3]) expect(server.paxos.log.status(slot)).toEqual({ status: 'empty' })
  })

  test('a second value at one ballot gets no vote: the ballot is broken', () => {
    const { ask } = acceptor()
    ask(accept(ballot(1, 2), 1, 'a'))
    expect(() => ask(accept(ballot(1, 2), 1, 'b'))).toThrow('two values at one ballot in slot 1')
  })

  test('an accept at a ballot of another server than its sender is not answered', () => {
    const { server } = acceptor()
    expect(server.exchange(3, accept(ballot(1, 2), 1, 'a'))).toEqual([])
    expect(server.paxos.log.status(1)).toEqual({ status: 'empty' })
  })
})

describe('the two kinds of prepare', () => {
  test('a prepare for one slot binds that slot alone', () => {
    const { ask } = acceptor()
    ask(prepare(ballot(5, 2), 'slot', 3))
    expect(types(ask(accept(ballot(1, 3), 3, 'a')))).toEqual(['nack'])
    expect(types(ask(accept(ballot(1, 3), 2, 'a')))).toEqual(['accepted'])
    expect(types(ask(prepare(ballot(1, 3), 'slot', 4)))).toEqual(['promise'])
  })

  test('a prepare for every slot binds slots before its first one, and slots that do not exist yet', () => {
    const { ask } = acceptor()
    ask(prepare(ballot(5, 2), 'log', 10))
    for (const slot of [1, 10, 1_000_000]) {
      expect(types(ask(accept(ballot(4, 3), slot, 'a')))).toEqual(['nack'])
      expect(types(ask(prepare(ballot(4, 3), 'slot', slot)))).toEqual(['nack'])
    }
  })

  test('the higher of both binds a slot', () => {
    const { ask } = acceptor()
    ask(prepare(ballot(2, 2), 'log', 1))
    ask(prepare(ballot(3, 3), 'slot', 7))
    expect(types(ask(accept(ballot(2, 2), 7, 'a')))).toEqual(['nack'])
    expect(types(ask(accept(ballot(2, 2), 8, 'a')))).toEqual(['accepted'])
    ask(prepare(ballot(9, 2), 'log', 1))
    expect(types(ask(accept(ballot(3, 3), 7, 'a')))).toEqual(['nack'])
  })

  test('a promise for one slot lists the vote in that slot alone', () => {
    const { ask } = acceptor()
    ask(accept(ballot(1, 2), 1, 'a', 'b', 'c'))
    const [promise] = only(ask(prepare(ballot(2, 3), 'slot', 2)), 'promise')
    expect(promise?.votes).toEqual([vote(2, ballot(1, 2), 'b')])
    expect(promise?.next).toBe(0)
  })
})

describe('more votes than fit in one message', () => {
  /** Asks for a promise until there is no more to tell. */
  function promises(server: LoneServer, at: Ballot): PromiseMessage[] {
    const heard: PromiseMessage[] = []
    for (let slot = 1; slot !== 0;) {
      const [promise] = only(server.exchange(at.server, prepare(at, 'log', slot)), 'promise')
      heard.push(promise!)
      slot = promise!.next
    }
    return heard
  }

  test('a promise names the slot to continue from, and no vote is missing or repeated', () => {
    const { ask, server } = acceptor()
    const slots = 2 * MAX_MESSAGE_SLOTS + 10
    for (let first = 1; first <= slots; first += 100) {
      ask(accept(ballot(1, 2), first, ...Array.from({ length: 100 }, (_, offset) => `r${first + offset}`)))
    }
    const heard = promises(server, ballot(2, 3))
    expect(heard.map((promise) => promise.next)).toEqual([
      MAX_MESSAGE_SLOTS + 1,
      2 * MAX_MESSAGE_SLOTS + 1,
      0,
    ])
    const told = heard.flatMap((promise) => promise.votes.map(({ slot }) => slot))
    expect(told).toEqual(Array.from({ length: told.length }, (_, index) => index + 1))
    expect(told.length).toBeGreaterThanOrEqual(slots)
  })

  test('a promise is limited in bytes, and a larger value has a message of its own', () => {
    const { ask, server } = acceptor()
    const large = 'x'.repeat(MAX_MESSAGE_VALUES_BYTES + 1)
    const half = 'y'.repeat(MAX_MESSAGE_VALUES_BYTES / 2)
    ask(accept(ballot(1, 2), 1, large))
    ask(accept(ballot(1, 2), 2, half, half, 'z'))
    const told = promises(server, ballot(2, 3)).map((promise) => promise.votes.map(({ slot }) => slot))
    expect(told).toEqual([[1], [2, 3], [4]])
  })

  test('a candidate asks for the rest, and leads only when it has all votes', () => {
    const server = new LoneServer()
    const at = server.becomeCandidate()
    server.sync()
    const promise = { type: 'promise', ballot: at, scope: 'log' } as const
    const asked = server.receive(2, { ...promise, slot: 1, votes: [vote(1, ballot(1, 2), 'a')], next: 2 })
    expect(asked).toEqual([prepare(at, 'log', 2)])
    expect(server.status.role).toBe('candidate')
    const led = server.receive(2, { ...promise, slot: 2, votes: [vote(2, ballot(1, 2), 'b')], next: 0 })
    expect(server.status.role).toBe('leader')
    expect(only(led, 'accept')[0]?.values).toEqual([value('a'), value('b')])
  })

  test('a candidate that missed a part of the promise asks again from there', () => {
    const server = new LoneServer({ servers: [1, 2] })
    const at = server.becomeCandidate()
    server.sync()
    server.receive(2, { type: 'promise', ballot: at, scope: 'log', slot: 1, votes: [], next: 5 })
    server.tick(server.nowMs + server.config.resendMs)
    expect(server.sync()).toEqual([prepare(at, 'log', 5)])
  })
})

describe('messages wait for their records', () => {
  test('a promise waits for its record, and a refusal does not', () => {
    const server = new LoneServer()
    expect(server.receive(2, prepare(ballot(2, 2)))).toEqual([])
    expect(server.last?.records).toEqual([{ type: 'promise', scope: 'log', slot: 0, ballot: ballot(2, 2) }])
    expect(types(server.receive(3, prepare(ballot(1, 3))))).toEqual(['nack'])
    expect(types(server.sync())).toEqual(['promise'])
  })

  test('an accepted waits for its record', () => {
    const server = new LoneServer()
    expect(server.receive(2, accept(ballot(1, 2), 1, 'a'))).toEqual([])
    expect(server.last?.records).toEqual([
      { type: 'vote', ballot: ballot(1, 2), first: 1, values: [value('a')] },
    ])
    expect(types(server.sync())).toEqual(['accepted'])
  })

  test('a repeated answer waits for the record of the first one', () => {
    const server = new LoneServer()
    server.receive(2, accept(ballot(1, 2), 1, 'a'))
    expect(server.receive(2, accept(ballot(1, 2), 1, 'a'))).toEqual([])
    expect(server.last?.recordCount).toBe(1)
  })

  test('a promise that lists a vote waits for that vote', () => {
    const server = new LoneServer()
    server.receive(2, accept(ballot(1, 2), 1, 'a'))
    server.receive(2, prepare(ballot(1, 2)))
    expect(server.last?.messages).toMatchObject([{ message: { type: 'promise' }, afterDurable: true }])
    expect(server.last?.recordCount).toBe(2)
  })

  test('a candidate sends its prepare only when its own promise is durable', () => {
    const server = new LoneServer()
    server.becomeCandidate()
    expect(server.journal).toMatchObject([{ type: 'promise', scope: 'log' }])
    expect(types(server.sync())).toEqual(['prepare', 'prepare'])
  })

  test('a leaderless proposer sends its prepare only when its own promise is durable', () => {
    const server = new LoneServer({ mode: 'leaderless' })
    expect(server.proposeAndStart('a')).toEqual([])
    expect(server.journal).toMatchObject([{ type: 'promise', scope: 'slot', slot: 1 }])
    expect(types(server.sync())).toEqual(['prepare', 'prepare'])
  })

  test('a leader sends its accepts at once, and counts its own vote only when it is durable', () => {
    const server = new LoneServer()
    const at = server.becomeLeader()
    expect(types(server.propose('a'))).toEqual(['accept', 'accept'])
    server.receive(2, { type: 'accepted', ballot: at, first: 1, last: 1 })
    expect(server.paxos.chosen).toBe(0)
    expect(types(server.sync())).toEqual(['chosen', 'chosen'])
    expect(server.paxos.chosen).toBe(1)
  })

  test('a cluster with stuck disks chooses no value until they recover', () => {
    const cluster = new Cluster()
    cluster.makeLeader(1)
    cluster.propose(1, 'a')
    cluster.deliverAll('accept')
    expect(cluster.network.transits).toEqual([])
    expect(cluster.paxos(1).chosen).toBe(0)
    cluster.sync(2)
    cluster.sync(3)
    cluster.deliverAll('accepted')
    expect(cluster.paxos(1).chosen).toBe(1)
  })
})

describe('after a restart', () => {
  test('durable promises and votes bind as before', () => {
    const { ask, server } = acceptor()
    ask(prepare(ballot(3, 2)))
    ask(accept(ballot(3, 2), 1, 'a'))
    ask(prepare(ballot(6, 3), 'slot', 2))
    server.restart()
    expect(types(ask(prepare(ballot(2, 3))))).toEqual(['nack'])
    expect(types(ask(accept(ballot(2, 3), 1, 'b')))).toEqual(['nack'])
    expect(types(ask(accept(ballot(5, 2), 2, 'b')))).toEqual(['nack'])
    const [promise] = only(ask(prepare(ballot(7, 2))), 'promise')
    expect(promise?.votes).toEqual([vote(1, ballot(3, 2), 'a')])
  })

  test('slots known to be chosen are still known', () => {
    const { ask, server } = acceptor()
    ask(accept(ballot(1, 2), 1, 'a', 'b'))
    server.receive(2, { type: 'chosen', ballot: ballot(1, 2), first: 1, last: 1 })
    server.receive(2, { type: 'decided', first: 2, values: [value('b'), value('c')] })
    server.restart()
    expect(server.paxos.chosen).toBe(3)
    expect([1, 2, 3].map((slot) => server.paxos.log.chosen(slot))).toEqual(['a', 'b', 'c'].map(value))
  })

  test('a journal with a chosen slot but no vote in it is refused', () => {
    const records = [{ type: 'chosen', first: 1, last: 1 }] as const
    expect(() => new LoneServer({}, records)).toThrow('slot 1 is chosen, but holds no vote')
  })
})
