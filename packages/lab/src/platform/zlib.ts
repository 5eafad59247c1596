import crc from 'crc-32'

/** In place of Node's, which the core's neighbours take their checksums from. */
export function crc32(bytes: Uint8Array, before = 0): number {
  return crc.buf(bytes, before) >>> 0
}
