import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkProperty } from '../../../synod/test/paxos/replay.js'
import { type Filter, NO_FILTER, filterEvents } from '../../src/picture/filter.js'
import { FILTER_WORDS, FilterError, parseFilter } from '../../src/picture/filter-text.js'
import { messageOf, pictureOf } from './pictures.js'

const ballot = { seq: 2, server: 1 }
const picture = pictureOf(
  [
    ['s1', { kind: 'send', message: 0 }],
    ['s2', { kind: 'receive', message: 0, again: false }],
    ['s2', { kind: 'durable', records: [{ type: 'vote', ballot, first: 3, values: ['a', 'b'] }] }],
    ['s1', { kind: 'send', message: 1 }],
    ['s3', { kind: 'execute', first: 4, last: 6 }],
    ['s3', { kind: 'role', role: 'leader', ballot }],
    ['s3', { kind: 'durable', records: [{ type: 'promise', ballot, scope: 'log', slot: 0 }] }],
    ['c1', { kind: 'note', text: 'asks' }],
  ],
  [
    messageOf(0, 's1', 's2', { ballot, slots: [3, 4] }),
    messageOf(1, 's1', 's3', { type: 'heartbeat', ballot }),
  ],
)
const seen = (text: string) => filterEvents(parseFilter(text), picture)

describe('a filter', () => {
  it('hides heartbeats unless the filter names them', () => {
    expect(seen('')).toEqual([0, 1, 2, 4, 5, 6, 7])
    expect(seen('heartbeats')).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(seen('heartbeat')).toEqual([3])
  })

  it('hides timers that cause nothing but heartbeats', () => {
    const happenings = pictureOf(
      [
        ['s1', { kind: 'timer' }],
        ['s1', { kind: 'send', message: 0 }],
        ['s2', { kind: 'timer' }],
        ['s2', { kind: 'send', message: 1 }],
      ],
      [messageOf(0, 's1', 's2', { type: 'heartbeat' }), messageOf(1, 's2', 's1', { type: 'probe' })],
    )
    const timers = {
      ...happenings,
      events: happenings.events.map((event, index) => ({ ...event, step: index < 2 ? 1 : 2 })),
    }
    expect(filterEvents(NO_FILTER, timers)).toEqual([2, 3])
    expect(filterEvents(parseFilter('timer'), timers)).toEqual([0, 2])
    expect(filterEvents(parseFilter('heartbeats'), timers)).toEqual([0, 1, 2, 3])
  })

  it('keeps both ends of each message of an actor', () => {
    expect(seen('s2')).toEqual([0, 1, 2])
    expect(seen('s1 heartbeats')).toEqual([0, 1, 3])
    expect(seen('s2 c1')).toEqual([0, 1, 2, 7])
  })

  it('keeps every event about a slot', () => {
    expect(seen('slot:4')).toEqual([0, 1, 2, 4, 6])
    expect(seen('slot:6')).toEqual([4, 6])
    expect(seen('slots:5-9 execute')).toEqual([4])
  })

  it('keeps events that match all of ballot, kind and type', () => {
    expect(seen('ballot:2.s1')).toEqual([0, 1, 2, 5, 6])
    expect(seen('ballot:(2, s1) vote role')).toEqual([2, 5])
    expect(seen('ballot:(3, s1)')).toEqual([])
    expect(seen('slot:3 s1 accept')).toEqual([0, 1])
    expect(seen('receive')).toEqual([1])
  })

  it('names the word that it does not know', () => {
    expect(() => parseFilter('s1 acept')).toThrow('"acept" is nothing to filter by')
    expect(() => parseFilter('slot:x')).toThrow('"x" is no slot. Write slot:3, or slots:3-5.')
    expect(() => parseFilter('slots:5-3')).toThrow('5-3 begins after it ends')
    expect(() => parseFilter('ballot:2')).toThrow('"2" is no ballot. Write ballot:2.s1 for (2, s1).')
    expect(() => parseFilter('server:1')).toThrow(FilterError)
  })

  it('is parsed again as it was printed', () => {
    const anyNumber = fc.nat()
    const anyFilter: fc.Arbitrary<Filter> = fc.record(
      {
        actors: fc.array(fc.tuple(fc.constantFrom('s', 'c'), anyNumber).map((parts) => parts.join(''))),
        kinds: fc.array(fc.constantFrom(...FILTER_WORDS)),
        slots: fc.array(
          fc.tuple(anyNumber, anyNumber).map(([first, more]) => [first, first + more] as const),
        ),
        ballots: fc.array(fc.record({ seq: anyNumber, server: anyNumber }, { noNullPrototype: true })),
        heartbeats: fc.boolean(),
      },
      { noNullPrototype: true },
    )
    checkProperty(
      import.meta.url,
      fc.property(anyFilter, (filter) => {
        expect(parseFilter(printFilter(filter))).toEqual(filter)
      }),
    )
    expect(parseFilter(' ')).toEqual(NO_FILTER)
  })
})

/** The text that `parseFilter` makes this filter of again. */
function printFilter({ actors, ballots, heartbeats, kinds, slots }: Filter): string {
  return [
    ...slots.map(([first, last]) => (first === last ? `slot:${first}` : `slots:${first}-${last}`)),
    ...ballots.map(({ seq, server }) => `ballot:${seq}.s${server}`),
    ...actors,
    ...kinds,
    ...(heartbeats ? ['heartbeats'] : []),
  ].join(' ')
}
