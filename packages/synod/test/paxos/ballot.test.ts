import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Ballot,
  ZERO_BALLOT,
  ballotAbove,
  compareBallots,
  formatBallot,
  maxBallot,
  sameBallot,
} from '../../src/paxos/ballot.js'
import { ballot } from './lone-server.js'
import { checkProperty } from './replay.js'

const ballots: fc.Arbitrary<Ballot> = fc.record({
  seq: fc.integer({ min: 0, max: 4 }),
  server: fc.integer({ min: 1, max: 4 }),
})

test('ballots are ordered lexicographically: (1, s2) < (4, s1)', () => {
  expect(compareBallots(ballot(1, 2), ballot(4, 1))).toBeLessThan(0)
  expect(compareBallots(ballot(4, 1), ballot(1, 2))).toBeGreaterThan(0)
})

test('of two ballots with one number, the server decides: (1, s2) > (1, s1)', () => {
  expect(compareBallots(ballot(1, 2), ballot(1, 1))).toBeGreaterThan(0)
  expect(compareBallots(ballot(1, 1), ballot(1, 2))).toBeLessThan(0)
})

test('a ballot equals itself and no other', () => {
  expect(compareBallots(ballot(3, 2), ballot(3, 2))).toBe(0)
  expect(sameBallot(ballot(3, 2), ballot(3, 2))).toBe(true)
  expect(sameBallot(ballot(3, 2), ballot(3, 1))).toBe(false)
  expect(sameBallot(ballot(3, 2), ballot(2, 2))).toBe(false)
})

test('every ballot of a server is above zero', () => {
  expect(compareBallots(ballotAbove(ZERO_BALLOT, 1), ZERO_BALLOT)).toBeGreaterThan(0)
})

test('the order is total, and the same as that of the pairs', () => {
  const written = ({ seq, server }: Ballot) => seq * 10 + server
  checkProperty(
    import.meta.url,
    fc.property(ballots, ballots, (a, b) => {
      expect(Math.sign(compareBallots(a, b))).toBe(Math.sign(written(a) - written(b)))
      expect(sameBallot(a, b)).toBe(compareBallots(a, b) === 0)
      expect(written(maxBallot(a, b))).toBe(Math.max(written(a), written(b)))
    }),
  )
})

test('the next ballot of a server is above a given ballot, and above its own', () => {
  checkProperty(
    import.meta.url,
    fc.property(ballots, fc.integer({ min: 1, max: 4 }), (other, server) => {
      const next = ballotAbove(other, server)
      expect(compareBallots(next, other)).toBeGreaterThan(0)
      expect(next.server).toBe(server)
    }),
  )
})

test('a ballot is printed as the lecture writes it', () => {
  expect(formatBallot(ballot(4, 1))).toBe('(4, s1)')
})
