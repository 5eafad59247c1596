import { expect, test } from 'vitest'
import { plural, valueDocument } from '../../src/cli/output.js'

test('a value is text if it can be, and base64 otherwise', () => {
  expect(valueDocument(Buffer.from('äöü'))).toEqual({ value: 'äöü' })
  expect(valueDocument(Buffer.from('\ufeffmarked'))).toEqual({ value: '\ufeffmarked' })
  expect(valueDocument(Uint8Array.of(0xff, 0))).toEqual({ value_base64: '/wA=' })
})

test('one and many', () => {
  expect([0, 1, 2].map((count) => plural(count, 'slot'))).toEqual(['0 slots', '1 slot', '2 slots'])
})
