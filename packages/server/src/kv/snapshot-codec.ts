import { Packer, Unpacker, malformed } from './bytes.js'
import { MAX_KEY_BYTES } from './limits.js'

/** A chunk is closed when it has reached this size; only a large value makes one larger. */
const CHUNK_BYTES = 1 << 16

/** The sizes of the key and the value. */
const SIZES_BYTES = 6

/** Keys with their values, as text of one byte a character, in as many chunks as it takes. */
export function* chunksOf(
  entries: Iterable<readonly [string, string]>,
): Generator<Uint8Array, void, undefined> {
  let pairs: (readonly [string, string, number])[] = []
  let size_bytes = 0
  for (const [key, value] of entries) {
    const key_bytes = Buffer.byteLength(key)
    pairs.push([key, value, key_bytes])
    size_bytes += SIZES_BYTES + key_bytes + value.length
    if (size_bytes < CHUNK_BYTES) continue
    yield chunkOf(pairs, size_bytes)
    pairs = []
    size_bytes = 0
  }
  if (pairs.length > 0) yield chunkOf(pairs, size_bytes)
}

function chunkOf(pairs: readonly (readonly [string, string, number])[], size_bytes: number): Uint8Array {
  const packer = new Packer(size_bytes)
  for (const [key, value, key_bytes] of pairs) packer.text(key, key_bytes).u32(value.length).latin1(value)
  return packer.done()
}

/** Throws SynodError `wrong-protocol`. */
export function* readChunk(chunk: Uint8Array): Generator<readonly [string, string], void, undefined> {
  const unpacker = new Unpacker(chunk)
  while (unpacker.left > 0) {
    const key = unpacker.text(MAX_KEY_BYTES)
    if (key === '') throw malformed('an empty key')
    yield [key, unpacker.latin1(unpacker.u32())]
  }
}
