/**
 * The same bytes, for longer than what they came in: a view must not keep all of that, unless it is
 * most of it.
 */
export function toKeep(bytes: Uint8Array): Uint8Array {
  return bytes.length > bytes.buffer.byteLength / 2 ? bytes : Buffer.from(bytes)
}
