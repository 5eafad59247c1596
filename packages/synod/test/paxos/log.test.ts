import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Ballot } from '../../src/paxos/ballot.js'
import { Log, type SlotStatus, emptyLog } from '../../src/paxos/log.js'
import type { Value } from '../../src/paxos/value.js'
import { value } from '../../../testing/src/cluster/cluster.js'
import { ballot } from './lone-server.js'
import { checkProperty } from './replay.js'

const log = () => new Log(emptyLog(), 4)
const a = value('a')

describe('a slot', () => {
  test('that was never written is empty', () => {
    expect(log().status(1)).toEqual({ status: 'empty' })
    expect(log().find(1)).toBeUndefined()
  })

  test('with a vote is voted, at the ballot of the vote', () => {
    const it = log()
    it.vote(3, ballot(2, 1), a)
    expect(it.status(3)).toEqual({ status: 'voted', ballot: ballot(2, 1), value: a })
    expect(it.isChosen(3)).toBe(false)
  })

  test('with only a promise is empty', () => {
    const it = log()
    it.at(3).promised = ballot(2, 1)
    expect(it.status(3)).toEqual({ status: 'empty' })
    expect(it.state.voted).toBe(0)
  })

  test('whose value is known is chosen, with or without a vote', () => {
    const it = log()
    it.vote(3, ballot(2, 1), a)
    it.choose(3, a)
    it.choose(4, a)
    expect(it.status(3)).toEqual({ status: 'chosen', value: a })
    expect(it.status(4)).toEqual({ status: 'chosen', value: a })
  })

  test('that was dropped is trimmed: chosen, but without its value', () => {
    const it = log()
    it.choose(1, a)
    it.choose(2, a)
    it.trim(1)
    expect(it.status(1)).toEqual({ status: 'trimmed' })
    expect(it.isChosen(1)).toBe(true)
    expect(it.status(2)).toEqual({ status: 'chosen', value: a })
    expect(() => it.at(1)).toThrow(RangeError)
  })
})

describe('the log', () => {
  test('remembers the highest slot voted in or chosen', () => {
    const it = log()
    it.vote(5, ballot(1, 1), a)
    it.vote(2, ballot(1, 1), a)
    expect(it.state.voted).toBe(5)
    it.choose(9, a)
    expect(it.state.voted).toBe(9)
    it.trim(20)
    expect(it.state.voted).toBe(20)
  })

  test('uses memory for slots that it holds, however far apart they are', () => {
    const it = log()
    it.vote(1, ballot(1, 1), a)
    it.vote(1_000_000_000, ballot(1, 2), a)
    expect(it.state.pages.size).toBe(2)
    expect(it.status(1).status).toBe('voted')
    expect(it.status(500_000_000).status).toBe('empty')
    expect(it.status(1_000_000_000).status).toBe('voted')
  })

  test('frees trimmed slots, and keeps the others', () => {
    const it = log()
    for (let slot = 1; slot <= 5000; slot++) it.choose(slot, a)
    const before = it.state.pages.size
    it.trim(4500)
    expect(it.state.pages.size).toBeLessThan(before)
    expect(it.status(4500).status).toBe('trimmed')
    expect(it.status(4501).status).toBe('chosen')
  })
})

/** A deliberately dumb log. */
class LogModel {
  readonly votes = new Map<number, { ballot: Ballot; value: Value }>()
  readonly chosen = new Map<number, Value>()
  trimmed = 0
  voted = 0
  archived = 0

  archive(slot: number): void {
    this.archived = Math.max(this.archived, this.trimmed)
    while (this.archived < slot && this.chosen.has(this.archived + 1)) this.archived++
  }

  status(slot: number): SlotStatus {
    if (slot <= this.trimmed) return { status: 'trimmed' }
    const chosen = this.chosen.get(slot)
    if (chosen !== undefined) return { status: 'chosen', value: chosen }
    const vote = this.votes.get(slot)
    return vote === undefined ? { status: 'empty' } : { status: 'voted', ...vote }
  }
}

test('the log answers as a simple map does, after random writes', () => {
  // Slots about where pages begin and end.
  const slots = fc.oneof(
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1018, max: 1030 }),
    fc.constant(1e9),
  )
  const action = fc.record({
    kind: fc.constantFrom('vote', 'choose', 'promise', 'trim', 'archive'),
    slot: slots,
    seq: fc.integer({ min: 1, max: 3 }),
    text: fc.constantFrom('a', 'b'),
  })
  checkProperty(
    import.meta.url,
    fc.property(fc.array(action, { maxLength: 30 }), (actions) => {
      const [it, dumb] = [log(), new LogModel()]
      const touched = new Set([1, 1023, 1024])
      for (const { kind, slot, seq, text } of actions) {
        touched.add(slot).add(slot + 1)
        if (kind === 'archive') {
          if (slot > 2000) continue
          it.archive(slot)
          dumb.archive(slot)
          continue
        } else if (kind === 'trim') {
          if (slot > 2000) continue
          it.trim(slot)
          dumb.trimmed = Math.max(dumb.trimmed, slot)
        } else if (slot <= dumb.trimmed) {
          expect(() => it.at(slot)).toThrow(RangeError)
          continue
        } else if (kind === 'vote') {
          it.vote(slot, ballot(seq, 1), value(text))
          dumb.votes.set(slot, { ballot: ballot(seq, 1), value: value(text) })
        } else if (kind === 'choose') {
          it.choose(slot, value(text))
          if (slot > dumb.archived) dumb.chosen.set(slot, value(text))
        } else {
          it.at(slot).promised = ballot(seq, 1)
          continue
        }
        dumb.voted = Math.max(dumb.voted, slot)
      }
      expect(it.state.voted).toBe(dumb.voted)
      for (const slot of touched) {
        expect(it.status(slot)).toEqual(dumb.status(slot))
        expect(it.isChosen(slot)).toBe(['chosen', 'trimmed'].includes(dumb.status(slot).status))
        expect(new Log(structuredClone(it.saved()), 4).status(slot)).toEqual(dumb.status(slot))
      }
    }),
  )
})
