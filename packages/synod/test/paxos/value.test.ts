import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NO_OP, isNoOp, sameValue } from '../../src/paxos/value.js'
import { value } from '../../../testing/src/cluster/cluster.js'
import { checkProperty } from './replay.js'

test('the no-op is the empty value, and no other value is a no-op', () => {
  expect(isNoOp(NO_OP)).toBe(true)
  expect(isNoOp(new Uint8Array())).toBe(true)
  expect(isNoOp(new Uint8Array(1))).toBe(false)
})

test('values are equal if their bytes are, in any array', () => {
  expect(sameValue(value('abc'), Uint8Array.from([97, 98, 99]))).toBe(true)
  expect(sameValue(value('abc'), value('abd'))).toBe(false)
  expect(sameValue(value('abc'), value('ab'))).toBe(false)
  expect(sameValue(value(''), NO_OP)).toBe(true)
})

test('sameValue agrees with a comparison byte by byte', () => {
  const bytes = fc.uint8Array({ maxLength: 3, max: 2 })
  checkProperty(
    import.meta.url,
    fc.property(bytes, bytes, (a, b) => {
      expect(sameValue(a, b)).toBe(a.join() === b.join())
    }),
  )
})
