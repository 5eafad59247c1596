import { expect, test } from 'vitest'
import type { JournalRecord } from '../../src/paxos/records.js'
import { type FoundRecord, RecoveredLog } from '../../src/paxos/recovered-log.js'

const GAP: FoundRecord = { type: 'gap' }

function vote(seq: number, first: number, ...texts: readonly string[]): JournalRecord {
  return { type: 'vote', ballot: { seq, server: 1 }, first, values: texts.map((text) => Buffer.from(text)) }
}

function chosen(first: number, last: number): JournalRecord {
  return { type: 'chosen', first, last }
}

function decided(first: number, ...texts: readonly string[]): JournalRecord {
  return { type: 'decided', first, values: texts.map((text) => Buffer.from(text)) }
}

function logOf(after: number, ...journals: readonly (readonly FoundRecord[])[]): RecoveredLog {
  const log = new RecoveredLog(after)
  for (const records of journals) log.take(records)
  return log
}

/** `a` is chosen, `a?` taken from a vote. */
function shown(log: RecoveredLog): Record<number, string> {
  const entries = log.slots.map((slot) => {
    const found = log.find(slot)
    return [slot, `${String(Buffer.from(found?.value ?? []))}${found?.isChosen === true ? '' : '?'}`] as const
  })
  return Object.fromEntries(entries)
}

test('the vote with the highest ballot wins, whichever journal has it', () => {
  const one = [vote(1, 1, 'a', 'b'), vote(3, 2, 'B')]
  const two = [vote(2, 1, 'A', 'x')]
  expect(shown(logOf(0, one, two))).toEqual({ 1: 'A?', 2: 'B?' })
  expect(shown(logOf(0, two, one))).toEqual({ 1: 'A?', 2: 'B?' })
})

test('a value known to be chosen wins over any vote', () => {
  const log = logOf(0, [vote(1, 1, 'a'), chosen(1, 1)], [vote(5, 1, 'z')], [decided(2, 'b'), vote(6, 2, 'y')])
  expect(shown(log)).toEqual({ 1: 'a', 2: 'b' })
  expect(log.highest).toEqual({ seq: 6, server: 1 })
})

test('slots of the snapshot are left out', () => {
  const log = logOf(2, [vote(1, 1, 'a', 'b', 'c'), chosen(1, 3)])
  expect(shown(log)).toEqual({ 3: 'c' })
  expect(logOf(9, [vote(1, 1, 'a')]).last).toBe(9)
})

test('after a gap only later votes are known to be chosen', () => {
  const log = logOf(0, [vote(1, 1, 'a', 'b'), GAP, vote(2, 2, 'B'), chosen(1, 3)])
  expect(shown(log)).toEqual({ 1: 'a?', 2: 'B' })
  expect(log).toMatchObject({ last: 3, lost: 1 })
})

test('chosen slots without a value count as lost', () => {
  const log = logOf(1, [chosen(1, 4), vote(1, 6, 'f'), chosen(3, 7)], [decided(3, 'c')])
  expect(log).toMatchObject({ last: 7, lost: 4 })
  expect(logOf(0, [vote(1, 1, 'a'), chosen(1, 1)]).lost).toBe(0)
})

test('the first dropped slot is named, unless another journal has it', () => {
  const trim: JournalRecord = {
    type: 'trim',
    slot: 3,
    promised: { seq: 7, server: 2 },
    voted: { seq: 4, server: 1 },
  }
  expect(logOf(0, [trim])).toMatchObject({ firstDropped: 1, trimmed: 3, highest: { seq: 7, server: 2 } })
  expect(logOf(3, [trim]).firstDropped).toBe(0)
  expect(logOf(1, [trim], [decided(2, 'b', 'c')]).firstDropped).toBe(0)
  // A vote does not prove which value was chosen.
  expect(logOf(1, [trim], [vote(1, 2, 'b'), decided(3, 'c')]).firstDropped).toBe(2)
})

test('journals that contradict each other are refused', () => {
  expect(() => logOf(0, [decided(1, 'a')], [decided(1, 'b')])).toThrow('two values were chosen in slot 1')
  expect(() => logOf(0, [vote(1, 1, 'a')], [vote(1, 1, 'b')])).toThrow('two values at one ballot in slot 1')
})

test('a huge range of chosen slots without votes takes no time', () => {
  const log = logOf(0, [vote(1, 1, 'a'), chosen(1, 2 ** 52)])
  expect(shown(log)).toEqual({ 1: 'a' })
  expect(log.lost).toBe(2 ** 52 - 1)
})
