import { describe, expect, test } from 'vitest'
import { MalformedError } from '../../src/bytes/reader.js'
import {
  MAX_TIME_MS,
  REQUEST_OVERHEAD_BYTES,
  type Request,
  admitRequest,
  decodeRequest,
  encodeOpen,
  encodeRequest,
  stampValue,
} from '../../src/machine/request.js'
import { keyOf } from './keys.js'

const COMMAND: Request = {
  kind: 'command',
  timeMs: 1_700_000_000_123,
  session: keyOf(0xfedcba987654),
  opening: 2 ** 40,
  sequence: 1025,
  acknowledged: 1024,
  version: 1,
  command: Buffer.from('increment'),
}

const fieldsOf = (decoded: Request) => ({
  ...decoded,
  session: decoded.session,
  command: Buffer.from(decoded.command),
})

describe('a request', () => {
  test('is decoded as it was encoded', () => {
    const decoded = decodeRequest(encodeRequest(COMMAND))
    expect(fieldsOf(decoded)).toEqual(COMMAND)
  })

  test('may hold an empty command', () => {
    const empty = { ...COMMAND, command: Buffer.alloc(0) }
    expect(decodeRequest(encodeRequest(empty)).command).toHaveLength(0)
  })

  test('has no more bytes besides its command than the documented maximum', () => {
    const MOST = 2 ** 53 - 1
    const largest = { ...COMMAND, opening: MOST, sequence: MOST, acknowledged: MOST }
    expect(encodeRequest(largest).length - COMMAND.command.length).toBeLessThanOrEqual(REQUEST_OVERHEAD_BYTES)
  })

  test('is decoded from a view into other bytes', () => {
    const encoded = encodeRequest(COMMAND)
    const around = Buffer.concat([Buffer.from('before'), encoded, Buffer.from('after')])
    const decoded = decodeRequest(around.subarray(6, 6 + encoded.length))
    expect(Buffer.from(decoded.command).toString()).toBe('increment')
  })

  test('that opens a session carries the key and nothing else', () => {
    expect(decodeRequest(encodeOpen(keyOf(77)))).toMatchObject({
      kind: 'open',
      session: keyOf(77),
      opening: 0,
      sequence: 0,
      acknowledged: 0,
      version: 0,
    })
  })

  test('knows its session without reading the key, and after it has', () => {
    const decoded = decodeRequest(encodeRequest(COMMAND))
    const other = keyOf(0xfedcba987655)
    expect(decoded.isOf(other)).toBe(false)
    expect(decoded.isOf(COMMAND.session)).toBe(true)
    expect(decoded.isOf(other)).toBe(false)
    expect(decoded.session).toBe(COMMAND.session)
  })

  test('that is cut short is not decoded', () => {
    const encoded = encodeRequest({ ...COMMAND, command: Buffer.alloc(0) })
    for (let size = 0; size < encoded.length; size++)
      expect(() => decodeRequest(encoded.subarray(0, size)), `${size} bytes`).toThrow(MalformedError)
  })

  test.each([0, 5, 255])('of the unknown kind %i is refused', (kind) => {
    const encoded = Buffer.from(encodeRequest(COMMAND))
    encoded[0] = kind
    expect(() => decodeRequest(encoded)).toThrow(MalformedError)
  })
})

describe('a stamp', () => {
  test('is written into a copy, and changes nothing else', () => {
    const encoded = encodeRequest(COMMAND)
    const stamped = stampValue(encoded, 42)
    const decoded = decodeRequest(stamped)
    expect(fieldsOf(decoded)).toEqual({ ...COMMAND, timeMs: 42 })
    expect(decodeRequest(encoded).timeMs).toBe(COMMAND.timeMs)
  })

  test.each([-1, 0.5, NaN, Infinity, MAX_TIME_MS + 1])(
    'of %d is invalid: no replica executes the request',
    (timeMs) => {
      expect(() => decodeRequest(stampValue(encodeRequest(COMMAND), timeMs))).toThrow(MalformedError)
    },
  )

  test('has no place in what is no request', () => {
    for (const size of [0, 1, 8]) expect(stampValue(Buffer.alloc(size, 1), 42)).toEqual(Buffer.alloc(size, 1))
  })
})

describe('admission', () => {
  test('returns the session and the number of a request', () => {
    expect(admitRequest(encodeRequest(COMMAND))).toMatchObject({ session: COMMAND.session, sequence: 1025 })
  })

  test.each<[string, Partial<Request>]>([
    ['a command without an opening number', { opening: 0 }],
    ['a command without a sequence number', { sequence: 0 }],
    ['a command without a version', { version: 0 }],
    ['an opening with an opening number', { kind: 'open', sequence: 0, version: 0 }],
    ['an opening with a sequence number', { kind: 'open', opening: 0, version: 0 }],
    ['a change with an opening number', { kind: 'change', sequence: 0, version: 0 }],
  ])('refuses %s', (_name, fields) => {
    expect(() => admitRequest(encodeRequest({ ...COMMAND, ...fields }))).toThrow(MalformedError)
  })

  test('refuses a value that is no request', () => {
    expect(() => admitRequest(new Uint8Array(0))).toThrow(MalformedError)
    expect(() => admitRequest(Buffer.from('nonsense'))).toThrow(MalformedError)
  })
})
