import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_SERVERS, Membership, NO_SERVERS } from '../../src/paxos/quorum.js'
import { checkProperty } from './replay.js'

describe('a quorum', () => {
  test.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
    [7, 4],
  ])('of %i servers is %i', (servers, quorum) => {
    const ids = Array.from({ length: servers }, (_, index) => index + 1)
    expect(new Membership(ids).quorumSize).toBe(quorum)
  })

  test('is the same as a dumb count of distinct members finds', () => {
    const ids = fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: MAX_SERVERS })
    const cases = ids.chain((servers) =>
      fc.tuple(fc.constant(servers), fc.array(fc.oneof(fc.constantFrom(...servers), fc.nat(1000)))),
    )
    checkProperty(
      import.meta.url,
      fc.property(cases, ([servers, answers]) => {
        const membership = new Membership(servers)
        const set = answers.reduce((sum, server) => membership.add(sum, server), NO_SERVERS)
        const counted = new Set(answers.filter((server) => servers.includes(server)))
        expect(membership.isQuorum(set)).toBe(2 * counted.size > servers.length)
        for (const server of servers) expect(membership.contains(set, server)).toBe(counted.has(server))
      }),
    )
  })

  test('meets every other quorum', () => {
    const membership = new Membership([1, 2, 3, 4, 5])
    const sets = Array.from({ length: 2 ** 5 }, (_, bits) => bits).filter((set) => membership.isQuorum(set))
    for (const a of sets) for (const b of sets) expect(a & b).not.toBe(NO_SERVERS)
  })
})

test('a server that answers twice counts once', () => {
  const membership = new Membership([1, 2, 3])
  const once = membership.add(NO_SERVERS, 2)
  expect(membership.add(once, 2)).toBe(once)
  expect(membership.isQuorum(once)).toBe(false)
})

test('a stranger does not count', () => {
  const membership = new Membership([1, 2, 3])
  expect(membership.add(NO_SERVERS, 9)).toBe(NO_SERVERS)
  expect(membership.has(9)).toBe(false)
  expect(membership.has(3)).toBe(true)
})
