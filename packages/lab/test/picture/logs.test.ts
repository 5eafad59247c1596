import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkProperty } from '../../../synod/test/paxos/replay.js'
import { logsOf } from '../../src/picture/logs.js'
import type { ActorEvent, PictureRecord } from '../../src/picture/picture.js'
import { type Row, pictureOf } from './pictures.js'

const ballot = (seq: number) => ({ seq, server: 1 })
const promise = (seq: number, slot = 0): PictureRecord => ({
  type: 'promise',
  ballot: ballot(seq),
  scope: slot === 0 ? 'log' : 'slot',
  slot,
})
const vote = (seq: number, first: number, ...values: string[]): PictureRecord => ({
  type: 'vote',
  ballot: ballot(seq),
  first,
  values,
})
const write = (...records: PictureRecord[]): Row => ['s1', { kind: 'write', records }]
const durable = (...records: PictureRecord[]): Row => ['s1', { kind: 'durable', records }]
const s1 = (happening: ActorEvent): Row => ['s1', happening]

describe('the log of a server', () => {
  it('takes a slot from empty through promised, voted, chosen and executed to trimmed', () => {
    const logs = logsOf(
      pictureOf([
        durable(promise(1, 3)),
        durable(vote(1, 3, 'a')),
        durable({ type: 'chosen', first: 3, last: 3 }),
        s1({ kind: 'execute', first: 3, last: 3 }),
        durable({ type: 'trim', slot: 3 }),
      ]),
    )
    const states = [-1, 0, 1, 2, 3, 4].map((event) => logs.at('s1', 3, event).state)
    expect(states).toEqual(['empty', 'promised', 'voted', 'chosen', 'executed', 'trimmed'])
    expect(logs.at('s1', 3, 4)).toMatchObject({ chosen: 'a', vote: { value: 'a', durable: true } })
    expect(logs.at('s2', 3, 4).state).toBe('empty')
    expect(logs.slots).toEqual([3])
    expect([logs.trimmed('s1', 3), logs.trimmed('s1', 4)]).toEqual([0, 3])
  })

  it('binds every slot by a promise for the whole log, and one slot by a vote at a higher ballot', () => {
    const logs = logsOf(pictureOf([durable(promise(2)), durable(vote(3, 1, 'a'))]))
    expect(logs.at('s1', 7, 1)).toMatchObject({ state: 'promised', promised: { ballot: ballot(2) } })
    expect(logs.at('s1', 1, 1).promised).toEqual({ ballot: ballot(3), durable: true })
    expect(logs.promised('s1', 1)).toEqual({ ballot: ballot(2), durable: true })
  })

  it('tells written records from durable ones', () => {
    const logs = logsOf(pictureOf([write(vote(1, 1, 'a')), write(vote(2, 1, 'b')), durable(vote(1, 1, 'a'))]))
    expect(logs.at('s1', 1, 0).vote).toEqual({ ballot: ballot(1), value: 'a', durable: false })
    expect(logs.at('s1', 1, 2).vote).toEqual({ ballot: ballot(2), value: 'b', durable: false })
  })

  it('loses in a crash all that was not durable', () => {
    const logs = logsOf(
      pictureOf([
        durable(vote(1, 1, 'a')),
        write(vote(2, 1, 'b', 'c')),
        s1({ kind: 'chosen', first: 1, values: ['a'] }),
        s1({ kind: 'crash' }),
        ['s2', { kind: 'timer' }],
      ]),
    )
    expect(logs.at('s1', 1, 2)).toMatchObject({ state: 'chosen', vote: { value: 'b' } })
    expect(logs.at('s1', 1, 4)).toMatchObject({ state: 'voted', vote: { value: 'a', durable: true } })
    expect(logs.at('s1', 2, 4).state).toBe('empty')
  })

  it('handles a huge range of chosen slots without visiting each slot', () => {
    const logs = logsOf(
      pictureOf([
        durable(vote(1, 5, 'a')),
        durable({ type: 'chosen', first: 1, last: Number.MAX_SAFE_INTEGER }),
      ]),
    )
    expect(logs.slots).toEqual([5])
    expect(logs.at('s1', 5, 1).state).toBe('chosen')
  })
})

it('each event lists the slots that records have named up to then', () => {
  const logs = logsOf(
    pictureOf([
      durable(vote(1, 2, 'a')),
      ['s2', { kind: 'chosen', first: 1, values: ['b'] }],
      durable(vote(1, 5, 'c')),
    ]),
  )
  expect([-1, 0, 1, 2].map((event) => logs.slotsAt(event))).toEqual([[], [2], [1, 2], [1, 2, 5]])
})

it('the logs at an event do not depend on later events', () => {
  const anySlot = fc.integer({ min: 1, max: 3 })
  const anyRecord = fc.oneof(
    fc.tuple(fc.integer({ min: 1, max: 4 }), fc.nat(2)).map(([seq, slot]) => promise(seq, slot)),
    fc.tuple(fc.integer({ min: 1, max: 4 }), anySlot).map(([seq, slot]) => vote(seq, slot, `v${seq}`)),
    anySlot.map((slot): PictureRecord => ({ type: 'chosen', first: 1, last: slot })),
    anySlot.map((slot): PictureRecord => ({ type: 'trim', slot })),
  )
  const anyRow = fc.oneof(
    { weight: 3, arbitrary: anyRecord.map((record) => write(record)) },
    { weight: 3, arbitrary: anyRecord.map((record) => durable(record)) },
    { weight: 1, arbitrary: fc.constant(s1({ kind: 'crash' })) },
    { weight: 1, arbitrary: anySlot.map((slot) => s1({ kind: 'execute', first: slot, last: slot })) },
  )
  checkProperty(
    import.meta.url,
    fc.property(fc.array(anyRow, { maxLength: 30 }), (rows) => {
      const whole = logsOf(pictureOf(rows))
      for (const event of rows.keys()) {
        const part = logsOf(pictureOf(rows.slice(0, event + 1)))
        for (const slot of [1, 2, 3])
          expect(whole.at('s1', slot, event)).toEqual(part.at('s1', slot, rows.length))
        expect(whole.promised('s1', event)).toEqual(part.promised('s1', rows.length))
      }
    }),
  )
})
