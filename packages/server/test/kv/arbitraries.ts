import fc from 'fast-check'
import { MAX_RANGE_LIMIT } from '../../src/kv/limits.js'
import type { KvCommand, KvQuery } from '../../src/kv/operations.js'

/** Few different keys, so that operations meet. */
export const fewKeys = fc.constantFrom('a', 'a/1', 'a/2', 'ab', 'b', 'ä', '\0', '😀', '\uffff')

export const keys = fc.oneof(fewKeys, fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }))

/**
 * Buffers, as that is what decoding gives: the same bytes in another class would not be equal to
 * them.
 */
export const values = fc
  .oneof(
    fc.uint8Array({ maxLength: 20 }),
    fc.constantFrom('0', '7', '-12', 'x', '').map((text) => Buffer.from(text)),
  )
  .map((bytes) => Buffer.from(bytes))

export const integers = fc.bigInt({ min: -(10n ** 100n - 1n), max: 10n ** 100n - 1n })

export function commands(key: fc.Arbitrary<string>): fc.Arbitrary<KvCommand> {
  return fc.oneof(
    fc.record({ type: fc.constant('put' as const), key, value: values }),
    fc.record({ type: fc.constant('delete' as const), key }),
    fc.record({
      type: fc.constant('cas' as const),
      key,
      expected: fc.option(values, { nil: null }),
      value: values,
    }),
    fc.record({ type: fc.constant('increment' as const), key, by: integers }),
  )
}

export function queries(key: fc.Arbitrary<string>, maxLimit = MAX_RANGE_LIMIT): fc.Arbitrary<KvQuery> {
  const maybeKey = fc.oneof(key, fc.constant(''))
  return fc.oneof(
    fc.record({ type: fc.constant('get' as const), key }),
    fc.record({
      type: fc.constant('range' as const),
      prefix: maybeKey,
      after: maybeKey,
      limit: fc.integer({ min: 1, max: maxLimit }),
      keysOnly: fc.boolean(),
    }),
  )
}
