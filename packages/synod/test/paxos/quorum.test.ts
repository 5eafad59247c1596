import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { configurationOf, isPhase1Quorum, isPhase2Quorum, votersIn } from '../../src/paxos/configuration.js'
import { MAX_SERVERS, majorities } from '../../src/paxos/quorum.js'
import { NO_SERVERS, withServer } from '../../src/paxos/server-set.js'
import { checkProperty } from './replay.js'

describe('a quorum', () => {
  test.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
    [7, 4],
  ])('in a cluster of %i has the size %i', (servers, quorum) => {
    expect(majorities(servers)).toEqual({ phase1: quorum, phase2: quorum })
  })

  test('is what a simple count of distinct voters finds', () => {
    const ids = fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: MAX_SERVERS })
    const cases = ids.chain((servers) =>
      fc.tuple(fc.constant(servers), fc.array(fc.oneof(fc.constantFrom(...servers), fc.nat(1000)))),
    )
    checkProperty(
      import.meta.url,
      fc.property(cases, ([servers, answers]) => {
        const configuration = configurationOf(1, servers)
        const set = answers.reduce(withServer, NO_SERVERS)
        const counted = new Set(answers.filter((server) => servers.includes(server)))
        const isMajority = 2 * counted.size > servers.length
        expect(isPhase1Quorum(configuration, set)).toBe(isMajority)
        expect(isPhase2Quorum(configuration, set)).toBe(isMajority)
        expect(votersIn(configuration, set)).toEqual([...counted].sort((a, b) => a - b))
      }),
    )
  })

  test('of phase 1 meets every quorum of phase 2, or the sizes are refused', () => {
    const ids = [1, 2, 3, 4, 5]
    const sets = Array.from({ length: 2 ** ids.length }, (_, bits) =>
      ids.filter((_, index) => (bits & (1 << index)) !== 0),
    )
    for (let phase1 = 0; phase1 <= ids.length + 1; phase1++) {
      for (let phase2 = 0; phase2 <= ids.length + 1; phase2++) {
        const make = () => configurationOf(1, ids, { phase1, phase2 })
        const fits = phase1 >= 1 && phase2 >= 1 && phase1 <= ids.length && phase2 <= ids.length
        if (!fits || phase1 + phase2 <= ids.length) {
          expect(make).toThrow(fits ? 'need not meet' : 'a quorum has 1 to 5 servers')
          continue
        }
        const configuration = make()
        const first = sets.filter((set) => isPhase1Quorum(configuration, set))
        const second = sets.filter((set) => isPhase2Quorum(configuration, set))
        for (const a of first)
          for (const b of second) expect(a.filter((id) => b.includes(id))).not.toEqual([])
      }
    }
  })
})

test('a server that answers twice counts once', () => {
  const once = withServer(NO_SERVERS, 2)
  expect(withServer(once, 2)).toBe(once)
  expect(isPhase2Quorum(configurationOf(1, [1, 2, 3]), once)).toBe(false)
})
