/** From this size on the call into memcpy takes less time than what it saves. */
const LARGE_BYTES = 1024
const LARGE_SHARED_BYTES = 64

/**
 * Copies the source into the target, from `at` on. V8 copies into and out of shared memory byte by
 * byte, unless both begin alike within a word; `fill` is a memcpy: of 128 KiB 20 times as fast, of
 * 320 bytes twice. Either may be shared; `isShared` tells that one of them is.
 */
export function copyBytes(source: Uint8Array, target: Buffer, at: number, isShared = false): void {
  const { length } = source
  if (length < (isShared ? LARGE_SHARED_BYTES : LARGE_BYTES)) target.set(source, at)
  else target.fill(source, at, at + length)
}
