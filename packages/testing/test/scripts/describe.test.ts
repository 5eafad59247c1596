import { describe, expect, test } from 'vitest'
import type { Message } from 'synod/internal/paxos/messages.js'
import type { JournalRecord } from 'synod/internal/paxos/records.js'
import { NO_OP } from 'synod/internal/paxos/value.js'
import { value } from '../../src/cluster/cluster.js'
import { describeMessage, describeRecord, describeValue } from '../../src/describe.js'

const at = { seq: 4, server: 1 }
const zero = { seq: 0, server: 0 }
const [a, b] = [value('a'), value('b')]

test.each<[Message, string]>([
  [{ type: 'prepare', ballot: at, scope: 'log', slot: 2 }, 'prepare (4, s1) for every slot from 2'],
  [{ type: 'prepare', ballot: at, scope: 'slot', slot: 2 }, 'prepare (4, s1) for slot 2'],
  [{ type: 'accept', ballot: at, first: 2, values: [a] }, 'accept (4, s1) in slot 2: a'],
  [{ type: 'accept', ballot: at, first: 2, values: [a, NO_OP] }, 'accept (4, s1) in slots 2 to 3: a, no-op'],
  [{ type: 'accepted', ballot: at, first: 2, last: 3 }, 'accepted (4, s1) in slots 2 to 3'],
  [{ type: 'chosen', ballot: at, first: 2, last: 2 }, 'chosen (4, s1) in slot 2'],
  [
    { type: 'nack', refused: at, ballot: { seq: 5, server: 2 }, slot: 2 },
    'nack (4, s1) in slot 2: bound by (5, s2)',
  ],
  [{ type: 'nack', refused: at, ballot: { seq: 5, server: 2 }, slot: 0 }, 'nack (4, s1): bound by (5, s2)'],
  [
    { type: 'heartbeat', ballot: at, round: 7, chosen: 1, voted: 2 },
    'heartbeat (4, s1) round 7: chosen 1, voted 2',
  ],
  [{ type: 'heartbeat', ballot: zero, round: 0, chosen: 1, voted: 2 }, 'heartbeat: chosen 1, voted 2'],
  [
    { type: 'heartbeat-answer', ballot: at, round: 7, chosen: 1, voted: 2 },
    'heartbeat-answer (4, s1) round 7: chosen 1, voted 2',
  ],
  [{ type: 'probe', round: 1, chosen: 5 }, 'probe 1: do you miss the leader too? chosen 5'],
  [
    { type: 'probe-answer', round: 1, missing: false, ballot: at, chosen: 5 },
    'probe-answer 1: not missing, bound by (4, s1), chosen 5',
  ],
  [
    { type: 'probe-answer', round: 1, missing: true, ballot: zero, chosen: 0 },
    'probe-answer 1: missing, bound by nothing, chosen 0',
  ],
  [{ type: 'forward', values: [a, b] }, 'forward: a, b'],
  [{ type: 'observe', round: 1 }, 'observe 1: how far have you voted?'],
  [{ type: 'observed', round: 1, voted: 3 }, 'observed 1: voted 3'],
  [{ type: 'fetch', first: 2, last: 4 }, 'fetch slots 2 to 4'],
  [{ type: 'decided', first: 2, values: [a] }, 'decided in slot 2: a'],
  [{ type: 'decided', first: 2, values: [] }, 'decided: nothing from slot 2 on'],
])('message %# is described: %j', (message, text) => {
  expect(describeMessage(message)).toBe(text)
})

describe('a promise', () => {
  const promise = { type: 'promise', ballot: at, scope: 'log', slot: 1, votes: [], next: 0 } as const
  const vote = { ballot: { seq: 1, server: 2 }, chosen: false }

  test('without votes is described as such', () => {
    expect(describeMessage(promise)).toBe('promise (4, s1) for every slot from 1: no votes')
  })

  test('groups consecutive slots of the same ballot and status', () => {
    const votes = [
      { ...vote, slot: 1, value: a },
      { ...vote, slot: 2, value: b },
      { ...vote, slot: 4, value: a },
      { ...vote, slot: 5, value: a, chosen: true },
      { slot: 6, value: b, ballot: zero, chosen: true },
    ]
    expect(describeMessage({ ...promise, votes, next: 7 })).toBe(
      'promise (4, s1) for every slot from 1: voted (1, s2) in slots 1 to 2: a, b; voted (1, s2) in slot 4: a; ' +
        'chosen, voted (1, s2) in slot 5: a; chosen in slot 6: b; more from slot 7',
    )
  })
})

test.each<[JournalRecord, string]>([
  [{ type: 'promise', scope: 'log', slot: 0, ballot: at }, 'promise (4, s1) for every slot'],
  [{ type: 'promise', scope: 'slot', slot: 3, ballot: at }, 'promise (4, s1) for slot 3'],
  [{ type: 'vote', ballot: at, first: 3, values: [a, b] }, 'vote (4, s1) in slots 3 to 4: a, b'],
  [{ type: 'chosen', first: 3, last: 3 }, 'chosen in slot 3'],
  [{ type: 'decided', first: 3, values: [b] }, 'decided in slot 3: b'],
])('record %# is described: %j', (record, text) => {
  expect(describeRecord(record)).toBe(text)
})

describe('a value', () => {
  test('that is text is shown as it is if it is short', () => {
    expect(describeValue(value('grüße'))).toBe('grüße')
    expect(describeValue(value('ü'.repeat(300)))).toBe(`${'ü'.repeat(20)}… (600 bytes)`)
    // The cut falls into the middle of a character.
    expect(describeValue(value(`x${'ü'.repeat(300)}`))).toBe(`x${'ü'.repeat(19)}… (601 bytes)`)
  })

  test('that is not text is shown in hexadecimal', () => {
    expect(describeValue(Uint8Array.of(0, 255))).toBe('00ff')
    expect(describeValue(new Uint8Array(9))).toBe('0000000000000000… (9 bytes)')
    expect(describeValue(value('a\nb'))).toBe('610a62')
  })

  test('is shown as the given function describes it', () => {
    expect(describeRecord({ type: 'vote', ballot: at, first: 1, values: [a] }, () => 'secret')).toBe(
      'vote (4, s1) in slot 1: secret',
    )
  })
})

test('a long list is shortened in its middle', () => {
  const values = Array.from({ length: 7 }, (_, index) => value(`r${index}`))
  expect(describeMessage({ type: 'forward', values })).toBe('forward: r0, r1 … r6 (7 values)')
})
