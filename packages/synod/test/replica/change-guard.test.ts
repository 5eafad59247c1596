import { describe, expect, test } from 'vitest'
import { changeOf, encodeChange } from '../../src/machine/change-codec.js'
import { encodeChangeRequest } from '../../src/machine/request.js'
import { keyOf } from '../machine/keys.js'
import type { ServerId, Slot } from '../../src/paxos/ballot.js'
import { type Change, Membership, foundingMembership } from '../../src/paxos/membership.js'
import type { Quorums } from '../../src/paxos/quorum.js'
import { ChangeGuard, MAX_BEHIND_SLOTS } from '../../src/replica/change-guard.js'
import { ManualClock } from '../net/manual-clock.js'
import { peerAddressOf } from '../../../testing/src/simulator/world.js'
import { World } from './world.js'

const PATIENCE_MS = 100
const CHOSEN = 100_000

const NOW = [0] as const
const LATELY = [PATIENCE_MS] as const
const LONG_AGO = [PATIENCE_MS + 1] as const

/** s1 of this many servers, and when it heard of the others, and of which chosen watermark. */
function guardOf(
  servers: number,
  heard: Readonly<Record<ServerId, readonly [agoMs: number, chosen?: Slot]>>,
  quorums?: Quorums,
  connected: readonly ServerId[] = Object.keys(heard).map(Number),
) {
  const clock = new ManualClock()
  const ids = Array.from({ length: servers }, (_, index) => index + 1)
  const membership = new Membership(foundingMembership(ids, quorums), 10)
  const guard = new ChangeGuard({
    self: 1,
    clock,
    patienceMs: PATIENCE_MS,
    membership,
    chosen: () => CHOSEN,
    lackOf: (server) => (server === 9 ? 's9 is too old' : undefined),
    addressOf: (server) => (server === 2 ? 'b:1' : undefined),
    isConnected: (server) => connected.includes(server),
    peerProgress(server) {
      const [agoMs, chosen = CHOSEN] = heard[server] ?? []
      return agoMs === undefined ? undefined : { atMs: clock.now() - agoMs, chosen }
    },
  })
  const judge = (change: Change) => {
    const value = encodeChangeRequest(keyOf(7), encodeChange(change))
    const judged = changeOf(guard.judge(value))
    if (judged?.type === 'refuse') return judged.reason
    expect(judged).toEqual(change)
    return undefined
  }
  clock.advance(LONG_AGO[0])
  return { clock, guard, judge, membership }
}

const remove = (server: ServerId, isForced = false): Change => ({ type: 'remove', server, isForced })

describe('a removal', () => {
  test('is allowed if a quorum of the remaining servers is up', () => {
    expect(guardOf(3, { 2: NOW, 3: LATELY }).judge(remove(2))).toBe(undefined)
    expect(guardOf(3, { 2: NOW, 3: LATELY }).judge(remove(1))).toBe(undefined)
    expect(guardOf(5, { 2: NOW, 3: NOW, 4: LONG_AGO }).judge(remove(2))).toMatch(/^without s2/)
    expect(guardOf(5, { 2: NOW, 3: NOW, 4: NOW }).judge(remove(2))).toBe(undefined)
  })

  test('is refused if one of the two remaining servers is down', () => {
    const reason =
      'without s2 the voters would be s1, s3, of which a decision takes 2, and only s1 is connected, was heard from in the last ' +
      `${PATIENCE_MS} ms and is no more than ${MAX_BEHIND_SLOTS} slots behind: start the servers that are down, or remove one of them`
    expect(guardOf(3, { 2: NOW, 3: LONG_AGO }).judge(remove(2))).toBe(reason)
    expect(guardOf(3, { 2: NOW }).judge(remove(2))).toBe(reason)
    expect(guardOf(3, { 2: NOW, 3: [0, CHOSEN - MAX_BEHIND_SLOTS - 1] }).judge(remove(2))).toBe(reason)
    expect(guardOf(3, { 2: NOW, 3: [0, CHOSEN - MAX_BEHIND_SLOTS] }).judge(remove(2))).toBe(undefined)
  })

  test('is allowed for a server that is down or far behind, or if it is forced', () => {
    expect(guardOf(3, { 2: NOW }).judge(remove(3))).toBe(undefined)
    expect(guardOf(3, { 2: NOW, 3: [0, 0] }).judge(remove(3))).toBe(undefined)
    expect(guardOf(3, { 2: NOW }).judge(remove(2, true))).toBe(undefined)
  })

  test('is allowed for a server that is no voter', () => {
    const { judge, membership } = guardOf(3, {})
    membership.apply(1, { type: 'add', server: 4, address: 'd:1', role: 'joining', replaces: 0 })
    expect(judge(remove(4))).toBe(undefined)
    expect(judge(remove(9))).toBe(undefined)
  })

  test('must leave quorums of both phases', () => {
    const quorums = { phase1: 3, phase2: 2 }
    expect(guardOf(4, { 2: NOW, 3: NOW }, quorums).judge(remove(2))).toMatch(/of which a decision takes 3/)
    expect(guardOf(4, { 2: NOW, 3: NOW, 4: NOW }, quorums).judge(remove(2))).toBe(undefined)
  })
})

test('a server whose connection broke counts as down, however recently it was heard from', () => {
  expect(guardOf(3, { 2: NOW, 3: NOW }, undefined, [2]).judge(remove(2))).toMatch(/^without s2/)
})

test('a joining server is promoted if a quorum including it is up', () => {
  const promote: Change = { type: 'promote', server: 4, acceptor: 'a'.repeat(32) }
  const joining = (heard: Parameters<typeof guardOf>[1], replaces = 0) => {
    const { judge, membership } = guardOf(3, heard)
    membership.apply(1, { type: 'add', server: 4, address: 'd:1', role: 'joining', replaces })
    return judge(promote)
  }
  expect(joining({ 2: NOW, 4: NOW })).toBe(undefined)
  expect(joining({ 2: NOW, 4: LONG_AGO })).toMatch(
    /^with s4 the voters would be s1, s2, s3, s4, of which a decision takes 3/,
  )
  expect(joining({ 4: NOW }, 3)).toBe(undefined)
  expect(joining({ 3: NOW }, 3)).toMatch(/^with s4 the voters would be s1, s2, s4/)
})

test('a new leader counts connected servers as up until they had time to answer', () => {
  const { clock, guard, judge } = guardOf(3, {}, undefined, [2, 3])
  expect(judge(remove(2, false))).toBe(undefined)
  expect(guardOf(3, { 2: NOW }, undefined, [2, 3]).judge(remove(2))).toMatch(/^without s2/)
  guard.begin()
  expect(judge(remove(1))).toBe(undefined)
  clock.advance(PATIENCE_MS)
  expect(judge(remove(1))).toBe(undefined)
  clock.advance(1)
  expect(judge(remove(1))).toMatch(/and none is connected/)
})

test('a command passes unchanged', () => {
  const { guard } = guardOf(1, {})
  const value = Buffer.from('a command')
  expect(guard.judge(value)).toBe(value)
})

describe.each(['leader', 'leaderless'] as const)('in %s mode, with one of three servers down', (mode) => {
  async function clusterWithOneDown() {
    const world = await World.formed({ mode })
    await world.settled(world.replica(1).execute('before'))
    world.kill(3)
    await world.wait(5000)
    await world.ready()
    return world
  }

  test('every replica refuses to remove a server that is up, and the cluster goes on', async () => {
    const world = await clusterWithOneDown()
    for (const id of [1, 2]) {
      const refusal = await world.failure(world.replica(id).changeMembership({ remove: 2 }))
      expect(refusal).toMatchObject({
        code: 'change-refused',
        message: expect.stringMatching(
          /^without s2 the voters would be s1, s3, .* only s1 is connected/,
        ) as string,
      })
      await world.settled(world.replica(id).execute(`after ${id}`))
    }
    const client = await world.connect('operator')
    expect(await world.failure(client.changeMembership({ remove: 1 }))).toMatchObject({
      code: 'change-refused',
    })
    expect(world.status(1).members).toHaveLength(3)
  })

  test('the server that is down can be removed, and then another one added and removed', async () => {
    const world = await clusterWithOneDown()
    await world.settled(world.replica(1).changeMembership({ remove: 3 }))
    await world.settled(world.replica(2).execute('of two'))
    await world.settled(world.replica(2).changeMembership({ add: 4, address: peerAddressOf(4) }))
    world.add(4)
    await world.open(4)
    await world.run(() =>
      world.status(1).members.some(({ role, server }) => server === 4 && role === 'voter'),
    )
    await world.run(() => world.status(4).role !== 'learner')
    await world.settled(world.replica(4).changeMembership({ remove: 1 }))
    await world.settled(world.replica(4).execute('of two others'))
  })

  test('a forced removal is carried out', async () => {
    const world = await clusterWithOneDown()
    await world.settled(world.replica(1).changeMembership({ remove: 2, force: true }))
    await world.restart(3)
    await world.settled(world.replica(1).execute('with s3 again'))
  })
})
