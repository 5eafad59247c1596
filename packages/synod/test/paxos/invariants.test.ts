import { coreConfig } from '../../../testing/src/core-config.js'
import { describe, expect, test } from 'vitest'
import type { Ballot, ServerId, Slot } from '../../src/paxos/ballot.js'
import { ClusterHistory, InvariantError, checkWatermarks, checkPrefixes } from '../../src/paxos/invariants.js'
import { value } from '../../../testing/src/cluster/cluster.js'
import { ballot } from './lone-server.js'

/** A history of three servers, told in words. */
function history() {
  const it = new ClusterHistory(coreConfig(1, [1, 2, 3], 'leader'))
  return {
    it,
    votes: (server: ServerId, at: Ballot, slot: Slot, text: string) =>
      it.durable(server, { type: 'vote', ballot: at, first: slot, values: [value(text)] }),
    promises: (server: ServerId, at: Ballot) =>
      it.durable(server, { type: 'promise', scope: 'log', slot: 0, ballot: at }),
    promisesSlot: (server: ServerId, at: Ballot, slot: Slot) =>
      it.durable(server, { type: 'promise', scope: 'slot', slot, ballot: at }),
    sees: (server: ServerId, slot: Slot, text: string) => it.chosen(server, slot, value(text)),
  }
}

const violation = (run: () => void, message: string) => {
  expect(run).toThrow(InvariantError)
  expect(run).toThrow(message)
}

describe('a value is chosen', () => {
  test('by the votes of a quorum at one ballot', () => {
    const { sees, votes } = history()
    votes(1, ballot(1, 1), 1, 'a')
    votes(2, ballot(1, 1), 1, 'a')
    sees(3, 1, 'a')
  })

  test('not by one vote', () => {
    const { sees, votes } = history()
    votes(1, ballot(1, 1), 1, 'a')
    violation(() => sees(1, 1, 'a'), 's1 takes a value to be chosen in slot 1 that no quorum voted for')
  })

  test('not by votes at two ballots', () => {
    const { sees, votes } = history()
    votes(1, ballot(1, 1), 1, 'a')
    votes(2, ballot(2, 2), 1, 'a')
    violation(() => sees(1, 1, 'a'), 'no quorum voted for at one ballot')
  })

  test('not by the same server twice', () => {
    const { sees, votes } = history()
    votes(1, ballot(1, 1), 1, 'a')
    votes(1, ballot(1, 1), 1, 'a')
    violation(() => sees(1, 1, 'a'), 'no quorum')
  })

  test('not by votes in another slot', () => {
    const { sees, votes } = history()
    votes(1, ballot(1, 1), 1, 'a')
    votes(2, ballot(1, 1), 2, 'a')
    violation(() => sees(1, 1, 'a'), 'no quorum')
  })

  test('a chosen no-op is reported as a no-op', () => {
    violation(() => history().sees(2, 4, ''), 's2 takes a no-op to be chosen in slot 4')
  })
})

test('no two values are chosen in one slot', () => {
  const { sees, votes } = history()
  votes(1, ballot(2, 2), 1, 'a')
  votes(2, ballot(2, 2), 1, 'a')
  votes(3, ballot(1, 1), 1, 'b')
  sees(1, 1, 'a')
  violation(() => sees(2, 1, 'b'), 's2 sees another value chosen in slot 1')
})

describe('the invariant of promises: a promise never goes down', () => {
  test('for every slot', () => {
    const { promises } = history()
    promises(1, ballot(2, 2))
    promises(1, ballot(2, 3))
    promises(2, ballot(1, 1))
    violation(() => promises(1, ballot(2, 2)), 's1 promised (2, s2) after (2, s3)')
  })

  test('for one slot', () => {
    const { promisesSlot } = history()
    promisesSlot(1, ballot(2, 2), 5)
    promisesSlot(1, ballot(1, 2), 6)
    violation(() => promisesSlot(1, ballot(1, 3), 5), 's1 promised (1, s3) after (2, s2)')
  })

  test('for one slot after a promise for all', () => {
    const { promises, promisesSlot } = history()
    promises(1, ballot(2, 2))
    violation(() => promisesSlot(1, ballot(1, 3), 5), 's1 promised (1, s3) after (2, s2)')
  })
})

describe('the invariant of votes: no vote is below the ballot', () => {
  test('of a promise for every slot', () => {
    const { promises, votes } = history()
    promises(1, ballot(2, 2))
    votes(1, ballot(2, 2), 1, 'a')
    violation(() => votes(1, ballot(1, 1), 2, 'b'), 's1 voted at (1, s1) in slot 2 after promising (2, s2)')
  })

  test('of a promise for one slot', () => {
    const { promisesSlot, votes } = history()
    promisesSlot(1, ballot(2, 2), 1)
    votes(1, ballot(1, 1), 2, 'b')
    violation(() => votes(1, ballot(1, 1), 1, 'a'), 's1 voted at (1, s1) in slot 1')
  })

  test('of an earlier vote in that slot', () => {
    const { votes } = history()
    votes(1, ballot(2, 2), 1, 'a')
    violation(() => votes(1, ballot(1, 1), 1, 'a'), 's1 voted at (1, s1) in slot 1 after promising (2, s2)')
  })
})

test('the invariant of ballots: at one ballot all voters have one value in a slot', () => {
  const { votes } = history()
  votes(1, ballot(1, 1), 1, 'a')
  votes(1, ballot(1, 1), 2, 'b')
  violation(() => votes(2, ballot(1, 1), 1, 'b'), 'two values at ballot (1, s1) in slot 1')
})

test('values that were learned do not count as votes', () => {
  const it = new ClusterHistory(coreConfig(1, [1, 2, 3], 'leader'))
  for (const server of [1, 2, 3]) it.durable(server, { type: 'decided', first: 1, values: [value('a')] })
  for (const server of [1, 2, 3]) it.durable(server, { type: 'chosen', first: 1, last: 1 })
  violation(() => it.chosen(1, 1, value('a')), 'no quorum')
})

test('once a quorum has voted for a value, no other value may get votes, even before a server knows', () => {
  const { it, votes } = history()
  votes(1, ballot(1, 1), 1, 'a')
  votes(2, ballot(1, 1), 1, 'a')
  votes(3, ballot(2, 2), 1, 'a')
  expect(it.lastDecided()).toBe(1)
  expect(it.lastDecided(ballot(1, 1))).toBe(0)
  expect(it.lastDecided(ballot(1, 2))).toBe(1)
  violation(() => votes(3, ballot(3, 3), 1, 'b'), 'slot 1 was decided at (1, s1)')
})

test('votes cast before the quorum are checked as well', () => {
  const { votes } = history()
  votes(3, ballot(3, 3), 1, 'b')
  votes(1, ballot(1, 1), 1, 'a')
  violation(() => votes(2, ballot(1, 1), 1, 'a'), 'another value got a vote at (3, s3)')
})

test('phase 2 begins when a quorum has promised, and promises of lost disks do not count', () => {
  const it = new ClusterHistory(coreConfig(1, [1, 2, 3], 'leader'))
  const promise = (server: number) =>
    it.durable(server, { type: 'promise', scope: 'log', slot: 0, ballot: ballot(2, 1) })
  const accept = { type: 'accept', ballot: ballot(2, 1), first: 1, values: [value('a')] } as const
  promise(1)
  violation(() => it.sent(1, accept), 's1 proposes in slot 1 at (2, s1), which no quorum has promised')
  promise(2)
  it.sent(1, accept)
  it.forget(2)
  violation(() => it.sent(1, accept), 's1 proposes in slot 1')
})

describe('the invariant of durability: a message is sent after its records are durable', () => {
  const prepare = { type: 'prepare', ballot: ballot(2, 1), scope: 'log', slot: 1 } as const
  const promise = {
    type: 'promise',
    ballot: ballot(2, 1),
    scope: 'slot',
    slot: 3,
    votes: [],
    next: 0,
  } as const
  const accepted = { type: 'accepted', ballot: ballot(2, 1), first: 1, last: 2 } as const

  test('a prepare, after the promise of its own server', () => {
    const it = new ClusterHistory(coreConfig(1, [1, 2, 3], 'leader'))
    violation(() => it.sent(1, prepare), 'a prepare at (2, s1) left s1, whose durable promise is (0, s0)')
    it.durable(1, { type: 'promise', scope: 'log', slot: 0, ballot: ballot(2, 1) })
    it.sent(1, prepare)
    violation(() => it.sent(1, { ...prepare, ballot: ballot(3, 1) }), 'left s1')
  })

  test('a promise, for one slot or for all', () => {
    const it = new ClusterHistory(coreConfig(1, [1, 2, 3], 'leader'))
    it.durable(2, { type: 'promise', scope: 'slot', slot: 3, ballot: ballot(2, 1) })
    it.sent(2, promise)
    violation(() => it.sent(2, { ...promise, slot: 4 }), 'a promise at (2, s1) left s2')
    violation(() => it.sent(2, { ...promise, scope: 'log' }), 'a promise at (2, s1) left s2')
  })

  test('an accepted, in each slot', () => {
    const it = new ClusterHistory(coreConfig(1, [1, 2, 3], 'leader'))
    it.durable(2, { type: 'vote', ballot: ballot(2, 1), first: 1, values: [value('a')] })
    it.sent(2, { ...accepted, last: 1 })
    violation(() => it.sent(2, accepted), 's2 reported a vote at (2, s1) in slot 2 that is not durable')
    violation(() => it.sent(3, { ...accepted, last: 1 }), 's3 reported a vote')
  })
})

test('a chosen message needs a quorum of votes at its ballot', () => {
  const it = new ClusterHistory(coreConfig(1, [1, 2, 3], 'leader'))
  const chosen = { type: 'chosen', ballot: ballot(2, 1), first: 1, last: 1 } as const
  const votes = (server: number, at: number) => {
    it.durable(server, { type: 'vote', ballot: ballot(at, 1), first: 1, values: [value('a')] })
  }
  votes(1, 2)
  violation(() => it.sent(1, chosen), 's1 says that slot 1 is chosen at (2, s1), where no quorum has voted')
  votes(2, 2)
  it.sent(1, chosen)
  votes(2, 3)
  violation(() => it.sent(1, { ...chosen, ballot: ballot(3, 1) }), 'chosen at (3, s1)')
  violation(() => it.sent(1, { ...chosen, last: 2 }), 'slot 2 is chosen at (2, s1)')
})

describe('the invariant of watermarks', () => {
  test('passes in the order snapshotted, executed, chosen, voted', () => {
    checkWatermarks({ snapshotted: 0, executed: 0, chosen: 0, voted: 0 })
    checkWatermarks({ snapshotted: 1, executed: 2, chosen: 3, voted: 4 })
  })

  test.each([
    { snapshotted: 3, executed: 2, chosen: 4, voted: 5 },
    { snapshotted: 1, executed: 5, chosen: 4, voted: 5 },
    { snapshotted: 1, executed: 2, chosen: 6, voted: 5 },
  ])('fails for %o', (watermarks) => {
    violation(() => checkWatermarks(watermarks), 'watermarks out of order')
  })
})

describe('the prefixes of two servers', () => {
  const prefix = (...texts: string[]) => texts.map(value)

  test('agree if they are equal as far as both go', () => {
    checkPrefixes(prefix('a', 'b'), prefix('a'))
    checkPrefixes(prefix(), prefix('a'))
  })

  test('differ if they differ in one slot', () => {
    violation(
      () => checkPrefixes(prefix('a', 'b'), prefix('a', 'c', 'd')),
      'slot 2 was executed with different',
    )
  })
})
