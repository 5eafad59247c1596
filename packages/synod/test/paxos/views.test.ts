import { expect, test } from 'vitest'
import type { Paxos } from '../../src/paxos/paxos.js'
import { NO_OP } from '../../src/paxos/value.js'
import { LoneServer, ballot } from './lone-server.js'

test('a step reports which acceptors the founders are', () => {
  const server = new LoneServer()
  expect(server.step({ type: 'founded', acceptors: { 1: 'a', 2: 'b', 3: 'c' } })).toEqual([])
  const { members } = server.paxos.membership.state
  expect(members.map(({ acceptor }) => acceptor)).toEqual(['a', 'b', 'c'])
  expect(server.paxos.save().membership.members).toEqual(members)
})

/** The type checker finds no mistake to expect where one of these lines compiles. */
export function nothingElseChanges({ log, membership }: Paxos): void {
  // @ts-expect-error: a step applies changes
  membership.apply(1, undefined)
  // @ts-expect-error: a step says who the founders are
  membership.identify({})
  // @ts-expect-error: read-only
  membership.state.slot = 1
  // @ts-expect-error: read-only
  membership.voters = []
  // @ts-expect-error: a step drops slots
  log.trim(1)
  // @ts-expect-error: a step votes
  log.vote(1, ballot(1, 1), NO_OP)
  // @ts-expect-error: read-only
  log.state.voted = 1
  const slot = log.find(1)
  // @ts-expect-error: read-only
  if (slot !== undefined) slot.chosen = NO_OP
}
