import { expect, test } from 'vitest'
import { Membership, foundingMembership } from '../../src/paxos/membership.js'
import { Admission } from '../../src/replica/admission.js'
import { Inbox } from '../../src/replica/inbox.js'
import { ManualClock } from '../net/manual-clock.js'

const PATIENCE_MS = 500

function admission() {
  const clock = new ManualClock()
  const membership = new Membership(foundingMembership([1, 2, 3]), 4)
  const inbox = new Inbox(clock)
  const parts = { clock, patienceMs: PATIENCE_MS, self: 3, membership, groupCount: () => 7, inbox }
  return { clock, it: new Admission(parts) }
}

const NONE = { slot: 0, configurations: [] }

test('a server on an old copy of its directory is not admitted, however long it waits', () => {
  const { clock, it } = admission()
  it.welcomed(1, 8, NONE)
  expect(it.outdated).toEqual({ groupCount: 7, heard: 8 })
  it.welcomed(2, 7, NONE)
  clock.advance(2 * PATIENCE_MS)
  expect(it.isAdmitted).toBe(false)
})

test('a server is admitted by a quorum that knows of no later group, once the other servers had time to object', () => {
  const { clock, it } = admission()
  it.welcomed(2, 7, NONE)
  expect(it.isAdmitted).toBe(false)
  clock.advance(2 * PATIENCE_MS)
  expect(it.isAdmitted).toBe(true)
})
