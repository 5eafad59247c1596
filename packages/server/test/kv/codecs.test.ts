import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Codec } from 'synod'
import { kvCodecs } from '../../src/kv/codecs.js'
import { MAX_KEY_BYTES } from '../../src/kv/limits.js'
import type { KvAnswer, KvResult } from '../../src/kv/operations.js'
import { commands, integers, keys, queries, values } from './arbitraries.js'

const results: fc.Arbitrary<KvResult> = fc.oneof(
  fc.record({ type: fc.constantFrom('put' as const, 'delete' as const), existed: fc.boolean() }),
  fc.record({ type: fc.constant('cas' as const), swapped: fc.boolean(), actual: fc.option(values) }),
  fc.record({ type: fc.constant('increment' as const), done: fc.constant(true as const), value: integers }),
  fc.record({
    type: fc.constant('increment' as const),
    done: fc.constant(false as const),
    reason: fc.constantFrom('not-an-integer' as const, 'out-of-range' as const),
  }),
)

const answers: fc.Arbitrary<KvAnswer> = fc.oneof(
  fc.record({ type: fc.constant('get' as const), value: fc.option(values) }),
  fc.record({
    type: fc.constant('range' as const),
    pairs: fc.array(fc.record({ key: keys, value: values })),
    more: fc.boolean(),
  }),
)

const all: [string, Codec<unknown>, fc.Arbitrary<unknown>][] = [
  ['command', kvCodecs.command, commands(keys)],
  ['result', kvCodecs.result, results],
  ['query', kvCodecs.query, queries(keys)],
  ['answer', kvCodecs.answer, answers],
]

describe.each(all)('the encoded %s', (_, codec, arbitrary) => {
  test('decodes to the value that was encoded', () => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        expect(codec.decode(codec.encode(value))).toEqual(value)
      }),
    )
  })

  test('is malformed or another valid value when it is cut short', () => {
    fc.assert(
      fc.property(arbitrary, fc.nat(), (value, cut) => {
        const bytes = codec.encode(value)
        requireSound(codec, bytes.subarray(0, cut % bytes.length))
      }),
    )
  })

  test('if it is random bytes, is malformed or decodes to a value that encodes to the same bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      // Begins well, so that more is reached than the tag.
      fc
        .tuple(fc.constantFrom(1, 2, 3, 4), fc.nat(3), fc.uint8Array({ maxLength: 30 }))
        .map(([tag, size, rest]) => Uint8Array.of(tag, size, 0, ...rest)),
    )
    fc.assert(
      fc.property(bytes, (found) => {
        requireSound(codec, found)
      }),
      { numRuns: 1000 },
    )
  })
})

function requireSound(codec: Codec<unknown>, bytes: Uint8Array): void {
  let value: unknown
  try {
    value = codec.decode(bytes)
  } catch (error) {
    expect(error).toMatchObject({ code: 'wrong-protocol' })
    return
  }
  // Integers may have been written with zeros in front, and are not written so again.
  const again = codec.encode(value)
  expect(codec.decode(again)).toEqual(value)
}

test('the value of a decoded put is a view, not a copy', () => {
  const bytes = kvCodecs.command.encode({ type: 'put', key: 'key', value: Buffer.from('value') })
  const command = kvCodecs.command.decode(bytes)
  expect(command).toMatchObject({ type: 'put', key: 'key' })
  if (command.type !== 'put') return
  expect(command.value.buffer).toBe(bytes.buffer)
  expect(command.value.byteOffset).toBe(bytes.byteOffset + 6)
})

test('an invalid key is refused before it is sent', () => {
  const put = (key: string) => kvCodecs.command.encode({ type: 'put', key, value: new Uint8Array(0) })
  expect(() => put('')).toThrow('a key must not be empty')
  expect(() => put('a\ud800')).toThrow('half a surrogate pair')
  expect(() => put('ä'.repeat(MAX_KEY_BYTES / 2))).not.toThrow()
  expect(() => put('ä'.repeat(MAX_KEY_BYTES / 2) + 'a')).toThrow('at most 1024 bytes, not 1025')
  expect(() => kvCodecs.query.encode({ type: 'get', key: '' })).toThrow('a key must not be empty')
})

test('an invalid key is malformed when it is received', () => {
  const decode = (...bytes: number[]) => kvCodecs.command.decode(Uint8Array.of(...bytes))
  expect(() => decode(1, 0, 0)).toThrow('an empty key')
  expect(() => decode(1, 1, 0, 0xff)).toThrow('not UTF-8')
  expect(() => decode(1, 1, 4)).toThrow('text of 1025 bytes')
})

test('limits and integers out of range are refused', () => {
  const range = (limit: number) =>
    kvCodecs.query.encode({ type: 'range', prefix: '', after: '', limit, keysOnly: false })
  for (const limit of [0, 10_001, 1.5, NaN])
    expect(() => range(limit)).toThrow('the limit is from 1 to 10000')
  expect(() => kvCodecs.command.encode({ type: 'increment', key: 'a', by: 10n ** 100n })).toThrow(
    '100 digits',
  )
})

test('values of a wrong type are refused before they are sent', () => {
  const refuse = (encode: () => unknown, message: string) =>
    expect(encode).toThrow(expect.objectContaining({ code: 'invalid-options', message }))
  const { command, query } = kvCodecs
  refuse(
    () => command.encode({ type: 'put', key: 5, value: Buffer.from('') } as never),
    'a key must be text, not number',
  )
  refuse(
    () => command.encode({ type: 'put', key: 'k', value: 5 } as never),
    'a value must be text or a Uint8Array, not number',
  )
  refuse(
    () => command.encode({ type: 'cas', key: 'k', expected: undefined, value: Buffer.from('') } as never),
    'a value must be text or a Uint8Array, not undefined',
  )
  refuse(
    () => command.encode({ type: 'increment', key: 'k', by: 1.5 } as never),
    'by must be a bigint of at most 100 digits',
  )
  refuse(
    () => query.encode({ type: 'range', prefix: '', after: '', limit: 1, keysOnly: 1 } as never),
    'keysOnly must be true or false, not number',
  )
})
