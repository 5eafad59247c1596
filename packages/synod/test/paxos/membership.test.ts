import { describe, expect, test } from 'vitest'
import { type Change, Membership, foundingMembership } from '../../src/paxos/membership.js'
import { Cluster, texts } from '../../../testing/src/cluster/cluster.js'

const WINDOW = 4

function foundedMembership(
  servers: readonly number[],
  quorums?: { phase1: number; phase2: number },
): Membership {
  return new Membership(foundingMembership(servers, quorums), WINDOW)
}

const add = (server: number, replaces = 0): Change => ({
  type: 'add',
  server,
  address: `s${server}:1`,
  role: 'joining',
  replaces,
})
const promote = (server: number): Change => ({ type: 'promote', server, acceptor: 'a'.repeat(32) })
const remove = (server: number): Change => ({ type: 'remove', server, isForced: false })

/** These changes are chosen in the next slots. */
function choose(membership: Membership, ...changes: (Change | undefined)[]) {
  return changes.map((change) => membership.apply(membership.state.slot + 1, change)?.result)
}

/** s4 learns, and is to have the vote of s2. */
function joinForS2(cluster: Cluster, by: number): void {
  cluster.propose(by, 'add s4 for s2')
  cluster.settle()
  cluster.join(4, by)
  cluster.settle()
}

describe('the membership', () => {
  test('applies a change of the voters from a window after its slot on', () => {
    const it = foundedMembership([1, 2, 3])
    expect(choose(it, add(4), promote(4))).toEqual(['done', 'done'])
    expect(it.at(5).voters).toEqual([1, 2, 3])
    expect(it.at(6).voters).toEqual([1, 2, 3, 4])
    expect(it.at(6).quorums).toEqual({ phase1: 3, phase2: 3 })
    expect(it.current.voters).toEqual([1, 2, 3])
    choose(it, undefined, undefined, undefined)
    expect(it.current.voters).toEqual([1, 2, 3, 4])
    expect(it.state.configurations).toHaveLength(1)
  })

  test('does not know the configuration of slots beyond the window', () => {
    const it = foundedMembership([1, 2, 3])
    expect(it.at(WINDOW).voters).toEqual([1, 2, 3])
    expect(() => it.at(WINDOW + 1)).toThrow('the configuration of slot 5 is not known yet')
  })

  test('makes one change of the voters at a time: the next one waits until earlier slots are chosen', () => {
    const it = foundedMembership([1, 2, 3])
    expect(choose(it, remove(3), remove(2), undefined, undefined, remove(2))).toEqual([
      'done',
      'later',
      undefined,
      undefined,
      'done',
    ])
    expect(it.latest.voters).toEqual([1])
  })

  test('replaces one server by another in one step', () => {
    const it = foundedMembership([1, 2, 3])
    choose(it, add(4, 2), promote(4))
    expect(it.latest.voters).toEqual([1, 3, 4])
    expect(it.servers).toEqual([1, 2, 3, 4])
    expect(it.isRemoved(2)).toBe(false)
    choose(it, undefined, undefined, undefined)
    expect(it.servers).toEqual([1, 3, 4])
    expect(it.isRemoved(2)).toBe(true)
  })

  test('accepts a change that is already made, and ignores a late copy of a change', () => {
    const it = foundedMembership([1, 2, 3])
    expect(choose(it, add(4), add(4), promote(4), undefined, undefined, undefined)).toEqual([
      'done',
      'done',
      'done',
      undefined,
      undefined,
      undefined,
    ])
    expect(choose(it, promote(4), add(4), remove(4), remove(4))).toEqual(['done', 'done', 'done', 'done'])
    expect(choose(it, add(4), promote(4))).toEqual(['refused', 'refused'])
    expect(it.latest.voters).toEqual([1, 2, 3])
  })

  test('refuses used ids, the removal of the last voter, and quorums that would not meet', () => {
    const it = foundedMembership([1])
    expect(choose(it, remove(1), add(1), add(5), remove(5), add(4))).toEqual([
      'refused',
      'refused',
      'done',
      'done',
      'refused',
    ])
    const flexible = foundedMembership([1, 2, 3], { phase1: 3, phase2: 1 })
    expect(choose(flexible, add(4), promote(4), remove(4))).toEqual(['done', 'refused', 'done'])
  })

  test('is unknown after slots are skipped, until a snapshot replaces it', () => {
    const membership = foundedMembership([1, 2, 3])
    membership.skip(7)
    expect(membership.isKnown).toBe(false)
    expect(membership.isVoter(1)).toBe(false)
    membership.replace({ ...foundingMembership([1, 2]), slot: 7 })
    expect(membership.current.voters).toEqual([1, 2])
  })
})

// It was elected by s2 and itself. Of the servers that vote then, that is itself alone:
// another leader may have a quorum without it.
test('a leader proposes in slots of a new configuration only after promises of a quorum of it', () => {
  const cluster = new Cluster({ mode: 'leader', servers: 4, founders: 3, config: { window: 1 } })
  cluster.network.isolate(1)
  cluster.makeLeader(3)
  cluster.network.heal()
  joinForS2(cluster, 3)
  cluster.network.isolate(1)
  cluster.network.isolate(4)
  cluster.propose(3, 'promote s4')
  cluster.settle()
  expect(cluster.paxos(3).membership.current.voters).toEqual([1, 3, 4])
  cluster.propose(3, 'a')
  cluster.settle()
  expect(cluster.paxos(3).log.find(3)).toBeUndefined()
  expect(cluster.paxos(3).status().pendingQuorum).toMatchObject({ step: 'prepare', slot: 3, heard: [3] })
  cluster.network.heal()
  cluster.run(() => [1, 3, 4].every((id) => cluster.paxos(id).chosen >= 3))
  expect(texts(cluster.prefix(4)).slice(0, 3)).toEqual(['add s4 for s2', 'promote s4', 'a'])
})

// What s4 promised while it had no vote, it may have forgotten by the time it has one: it may vote
// with another disk then.
test('a promise given before a server became a voter does not count as a promise of that voter', () => {
  const cluster = new Cluster({ mode: 'leader', servers: 4, founders: 3, config: { window: 1 } })
  cluster.makeLeader(1)
  joinForS2(cluster, 1)
  cluster.network.isolate(1)
  cluster.missLeader(3)
  cluster.deliverAll('probe')
  cluster.deliverAll('probe-answer')
  cluster.syncDisks()
  cluster.deliverAll('prepare', ({ to }) => to === 4)
  cluster.syncDisks()
  cluster.deliverAll('promise', ({ from }) => from === 4)
  cluster.settle()
  expect(cluster.leader()).toBe(3)
  cluster.network.isolate(4)
  cluster.propose(3, 'promote s4')
  cluster.settle()
  cluster.propose(3, 'a')
  cluster.settle()
  expect(cluster.paxos(3).log.find(3)).toBeUndefined()
  expect(cluster.paxos(3).status().pendingQuorum).toMatchObject({ step: 'prepare', slot: 3, heard: [3] })
  cluster.network.heal()
  cluster.run(() => [1, 3, 4].every((id) => cluster.paxos(id).chosen >= 3))
})

// The slots before are not chosen yet, so the configuration in force is still that of s1, s2 and
// s3.
test('votes are counted by the configuration of their slot', () => {
  const cluster = new Cluster({ mode: 'leader', servers: 4, founders: 3, config: { window: 4 } })
  cluster.makeLeader(3)
  joinForS2(cluster, 3)
  cluster.propose(3, 'promote s4')
  cluster.deliverAll('accept')
  cluster.syncDisks()
  cluster.deliverAll('accepted')
  expect(cluster.paxos(3).chosen).toBe(2)
  expect(cluster.paxos(3).membership.at(6).voters).toEqual([1, 3, 4])
  cluster.network.lose('accept')
  cluster.propose(3, 'a')
  cluster.deliverAll('accept', ({ to }) => to === 2)
  cluster.syncDisks()
  cluster.deliverAll('accepted', ({ message }) => message.type === 'accepted' && message.first === 6)
  expect(cluster.paxos(3).log.isChosen(6)).toBe(false)
  cluster.run(() => [1, 3, 4].every((id) => cluster.paxos(id).chosen >= 6))
  expect(texts(cluster.prefix(4)).at(-1)).toBe('a')
})
