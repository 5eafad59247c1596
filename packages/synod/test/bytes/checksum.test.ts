import { crc32 as zlib } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32 } from '../../src/bytes/checksum.js'
import { checkProperty } from '../paxos/replay.js'

test('the checksum is CRC-32, for few bytes and for many', () => {
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926)
  checkProperty(
    import.meta.url,
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.nat({ max: 50 }),
      fc.nat({ max: 0xffffffff }),
      (bytes, start, before) => {
        const rest = bytes.subarray(start)
        // Where there is nothing, zlib begins anew.
        const expected = rest.length === 0 ? before : zlib(rest, before)
        expect(crc32(bytes, Math.min(start, bytes.length), bytes.length, before)).toBe(expected)
      },
    ),
  )
})
