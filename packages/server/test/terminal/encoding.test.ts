import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  ENCODINGS,
  decodeArgument,
  encodeBytes,
  keyDocument,
  keyText,
  shownKey,
  valueDocument,
} from '../../src/terminal/encoding.js'

test('a value is printed as text if it is valid UTF-8, and else as base64, unless an encoding was asked for', () => {
  expect(valueDocument(Buffer.from('äöü'), 'utf8')).toEqual({ value: 'äöü' })
  expect(valueDocument(Buffer.from('\ufeffmarked'), 'utf8')).toEqual({ value: '\ufeffmarked' })
  expect(valueDocument(Uint8Array.of(0xff, 0), 'utf8')).toEqual({ value_base64: '/wA=' })
  expect(valueDocument(Buffer.from('hi'), 'hex')).toEqual({ value_hex: '6869' })
  expect(keyDocument('hi', 'base64')).toEqual({ key_base64: 'aGk=' })
  expect(keyDocument('hi', 'utf8')).toEqual({ key: 'hi' })
})

test('hex and base64 decode to the original bytes, and other text is refused', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.constantFrom('hex' as const, 'base64' as const), (bytes, encoding) => {
      const text = encodeBytes(bytes, encoding)
      expect(decodeArgument(text.toString(), encoding, 'value')).toEqual(Buffer.from(bytes))
    }),
  )
  for (const text of ['0', 'zz', '0x00', '00 '])
    expect(() => decodeArgument(text, 'hex', 'value')).toThrow(`the value is not hex: '${text}'`)
  for (const text of ['a', '!!!!', 'AA', 'A A='])
    expect(() => decodeArgument(text, 'base64', 'key')).toThrow(`the key is not base64: '${text}'`)
  expect(decodeArgument('AB', 'hex', 'value')).toEqual(Buffer.of(0xab))
})

test('a key is decoded from every encoding, and must be UTF-8', () => {
  for (const encoding of ENCODINGS)
    expect(keyText(decodeArgument(Buffer.from('ü\0\n').toString(encoding), encoding, 'key'), 'key')).toBe(
      'ü\0\n',
    )
  expect(() => keyText(Buffer.of(0xff, 0), 'key')).toThrow(
    'a key is text in UTF-8, and these bytes are not: ff00',
  )
  expect(shownKey('a', 'utf8')).toBe("'a'")
  expect(shownKey('a', 'hex')).toBe('hex 61')
})
