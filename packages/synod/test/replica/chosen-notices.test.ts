import { expect, test } from 'vitest'
import type { Chosen } from '../../src/paxos/messages.js'
import { ChosenNotices } from '../../src/replica/chosen-notices.js'
import { World } from './world.js'

const BALLOT = { seq: 1, server: 1 }
const notice = (first: number, last = first, ballot = BALLOT): Chosen => ({
  ...{ type: 'chosen', ballot, first, last },
})

test('notices wait for the next message to their peer, as one', () => {
  const notices = new ChosenNotices()
  expect(notices.keeps(2, notice(1, 3), 100)).toBe(true)
  expect(notices.keeps(2, notice(4), 101)).toBe(true)
  expect(notices.take(3)).toBe(undefined)
  expect(notices.take(2)).toEqual(notice(1, 4))
  expect(notices.take(2)).toBe(undefined)
})

test('notices are due 3 ms after the first of them', () => {
  const notices = new ChosenNotices()
  expect(notices.dueMs).toBe(Infinity)
  notices.keeps(2, notice(1), 100)
  notices.keeps(3, notice(1), 101)
  notices.keeps(2, notice(2), 102)
  expect(notices.dueMs).toBe(103)
  expect(notices.peersDue(102.9)).toEqual([])
  expect(notices.peersDue(103)).toEqual([2, 3])
  notices.take(2)
  notices.take(3)
  expect(notices.dueMs).toBe(Infinity)
})

test('a notice of other slots or of another ballot does not hide the one before it', () => {
  const notices = new ChosenNotices()
  notices.keeps(2, notice(1), 100)
  expect(notices.keeps(2, notice(3), 100)).toBe(false)
  expect(notices.keeps(2, notice(2, 2, { seq: 2, server: 1 }), 100)).toBe(false)
  expect(notices.take(2)).toEqual(notice(1))
})

test('a peer whose clients wait is told at once', () => {
  const notices = new ChosenNotices()
  notices.awaits(2, 5)
  expect(notices.keeps(2, notice(5, 6), 100)).toBe(false)
  expect(notices.keeps(3, notice(5, 6), 100)).toBe(true)
  expect(notices.keeps(2, notice(6), 100)).toBe(true)
})

test('a command and a read of a follower take no longer than the messages that they need', async () => {
  const world = await World.formed()
  const [follower = 0] = world.followers
  const since = (atMs: number) => world.clock.now() - atMs
  await world.settled(world.replica(follower).execute('first'))
  const sentMs = world.clock.now()
  await world.settled(world.replica(follower).execute('second'))
  // To the leader, its accept with a write, the answer, and the notice.
  expect(since(sentMs)).toBeLessThan(6)
  const writing = world.replica(world.leader ?? 0).execute('third')
  const readMs = world.clock.now()
  await world.settled(world.replica(follower).read(0))
  expect(since(readMs)).toBeLessThan(6)
  await world.settled(writing)
})
