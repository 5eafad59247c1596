import { expect, it } from 'vitest'
import { jsonCodec } from 'synod/internal/machine/codec.js'
import { MachineReplay } from '../../src/simulator/checks/machine-replay.js'
import { executed, texts } from './history.js'

const { encode } = jsonCodec<unknown>()
const QUERIES = new Map(['text', 'length'].map((query) => [query, encode(query)]))

function retelling(letters: string, results?: Record<string, unknown>): MachineReplay<'text' | 'length'> {
  return new MachineReplay(texts.machine(), executed(letters, results), QUERIES)
}

it('the first place with a given answer from a place on is found', () => {
  const told = retelling('ab')
  const place = (answer: unknown, from: number) => told.placeOf('text', encode(answer), from)
  expect([place('', 0), place('a', 0), place('ab', 0)]).toEqual([0, 1, 2])
  expect([place('a', 1), place('ab', 1), place('ab', 2)]).toEqual([1, 2, 2])
  expect([place('', 1), place('a', 2), place('b', 0)]).toEqual([undefined, undefined, undefined])
  expect(told.placeOf('length', encode(2), 0)).toBe(2)
})

it('an answer is known to stay until a command changes it', () => {
  const told = retelling('a!b')
  expect(told.placeOf('text', encode('a'), 2)).toBe(2)
  expect(told.placeOf('text', encode('a'), 3)).toBe(undefined)
})

it('a copy of the state machine with another result is found', () => {
  expect(() => retelling('ab', { b: 'xy' })).toThrow(
    expect.objectContaining({
      kind: 'non-determinism',
      message: expect.stringMatching(/^apply\("b"\) in slot 2 came to "xy", but to "ab" on a copy/),
    }),
  )
})

it('a result is told apart from an error with the same text', () => {
  expect(() => retelling('!', { '!': 'refused' })).toThrow(/came to "refused", but to the error 'refused'/)
})
