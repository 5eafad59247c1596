import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_SERVERS, Membership, NO_SERVERS, majorities } from '../../src/paxos/quorum.js'
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
    expect(majorities(servers)).toEqual({ phase1: quorum, phase2: quorum })
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
        const isMajority = 2 * counted.size > servers.length
        expect(membership.isPhase1Quorum(set)).toBe(isMajority)
        expect(membership.isPhase2Quorum(set)).toBe(isMajority)
        for (const server of servers) expect(membership.contains(set, server)).toBe(counted.has(server))
      }),
    )
  })

  test('of phase 1 meets every one of phase 2, or the sizes are refused', () => {
    const ids = [1, 2, 3, 4, 5]
    const sets = Array.from({ length: 2 ** ids.length }, (_, bits) => bits)
    for (let phase1 = 0; phase1 <= ids.length + 1; phase1++) {
      for (let phase2 = 0; phase2 <= ids.length + 1; phase2++) {
        const make = () => new Membership(ids, { phase1, phase2 })
        const fits = phase1 >= 1 && phase2 >= 1 && phase1 <= ids.length && phase2 <= ids.length
        if (!fits || phase1 + phase2 <= ids.length) {
          expect(make).toThrow(fits ? 'need not meet' : 'a quorum has 1 to 5 servers')
          continue
        }
        const membership = make()
        const first = sets.filter((set) => membership.isPhase1Quorum(set))
        const second = sets.filter((set) => membership.isPhase2Quorum(set))
        for (const a of first) for (const b of second) expect(a & b).not.toBe(NO_SERVERS)
      }
    }
  })
})

test('a server that answers twice counts once', () => {
  const membership = new Membership([1, 2, 3])
  const once = membership.add(NO_SERVERS, 2)
  expect(membership.add(once, 2)).toBe(once)
  expect(membership.isPhase2Quorum(once)).toBe(false)
})

test('a stranger does not count', () => {
  const membership = new Membership([1, 2, 3])
  expect(membership.add(NO_SERVERS, 9)).toBe(NO_SERVERS)
  expect(membership.has(9)).toBe(false)
  expect(membership.has(3)).toBe(true)
})
