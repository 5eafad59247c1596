import { crc32 as nativeCrc32 } from 'node:zlib'

/** Up to this size a loop is faster than a call into zlib and the view that it takes. */
const SMALL_BYTES = 100

const TABLE = Int32Array.from({ length: 256 }, (_, index) => {
  let rest = index
  for (let bit = 0; bit < 8; bit++) rest = (rest & 1) === 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1
  return rest
})

/**
 * The CRC-32 of the bytes from `start` up to, not including, `end`; it goes on from `before`, the
 * one of bytes before these.
 */
export function crc32(bytes: Uint8Array, start = 0, end = bytes.length, before = 0): number {
  if (end - start > SMALL_BYTES) return nativeCrc32(bytes.subarray(start, end), before)
  let rest = ~before
  for (let at = start; at < end; at++) rest = (TABLE[(rest ^ (bytes[at] ?? 0)) & 0xff] ?? 0) ^ (rest >>> 8)
  return ~rest >>> 0
}
