import { Unpacker, malformed } from './bytes.js'
import { MAX_KEY_BYTES } from './limits.js'
import type { Entries } from './ordered-map.js'

/** A chunk is closed before it would exceed this size; only a large value makes one larger. */
const CHUNK_BYTES = 1 << 16

/** The sizes of the key and the value, and the most that a character of a key takes. */
const SIZES_BYTES = 6
const CHARACTER_BYTES = 3

/**
 * Keys with their values, as text of one byte a character, in as many chunks as it takes. There may
 * be millions of them: nothing is allocated for a single one.
 */
export function* snapshotChunks(runs: Iterable<Entries<string>>): Generator<Uint8Array, void, undefined> {
  let chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  let sizeBytes = 0
  for (const { keys, values } of runs) {
    for (const [index, key] of keys.entries()) {
      const value = values[index] ?? ''
      const neededBytes = SIZES_BYTES + CHARACTER_BYTES * key.length + value.length
      if (sizeBytes > 0 && sizeBytes + neededBytes > chunk.length) {
        yield chunk.subarray(0, sizeBytes)
        chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, neededBytes))
        sizeBytes = 0
      } else if (neededBytes > chunk.length) {
        chunk = Buffer.allocUnsafe(neededBytes)
      }
      sizeBytes = writeEntry(chunk, sizeBytes, key, value)
    }
  }
  if (sizeBytes > 0) yield chunk.subarray(0, sizeBytes)
}

/** Returns where the entry ends. */
function writeEntry(chunk: Buffer, start: number, key: string, value: string): number {
  const keyBytes = chunk.write(key, start + 2)
  chunk.writeUInt16LE(keyBytes, start)
  const place = chunk.writeUInt32LE(value.length, start + 2 + keyBytes)
  return place + chunk.write(value, place, 'latin1')
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
