import { describe, expect, test } from 'vitest'
import { completeCodecs, jsonCodec } from '../../src/machine/codec.js'

describe('the JSON codec', () => {
  const codec = jsonCodec<unknown>()

  test.each([
    ['a number', 1.5],
    ['null', null],
    ['an empty text', ''],
    ['unicode', 'Ω → 東京 😀 \u0000 "'],
    ['half of a surrogate pair', '\ud800'],
    ['nested', { a: [1, { b: false }], ключ: null }],
  ])('decodes %s as it was encoded', (_name, value) => {
    expect(codec.decode(codec.encode(value))).toEqual(value)
  })

  test('encodes undefined as no bytes', () => {
    expect(codec.encode(undefined)).toHaveLength(0)
    expect(codec.decode(new Uint8Array(0))).toBeUndefined()
  })

  test('decodes a view into other bytes', () => {
    const around = new TextEncoder().encode('xx"😀"xx')
    expect(codec.decode(around.subarray(2, -2))).toBe('😀')
  })

  test('throws on invalid JSON', () => {
    expect(() => codec.decode(Buffer.from('{'))).toThrow(SyntaxError)
  })
})

test('JSON is the default codec', () => {
  const command = { encode: () => Buffer.from('c'), decode: () => 'c' }
  const codecs = completeCodecs<string, number, string, number>({ command })
  expect(codecs.command).toBe(command)
  expect(Buffer.from(codecs.answer.encode(5)).toString()).toBe('5')
})
