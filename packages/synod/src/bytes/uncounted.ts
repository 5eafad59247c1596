/** A larger buffer is rare enough to be counted, and has to be: what is not counted adds up. */
const LARGE_BYTES = 128 << 10

/**
 * A buffer for what comes and goes by the megabyte. V8 takes the memory of an ArrayBuffer for
 * growth of its heap, and marks the whole heap after every 8 MB; shared memory it does not count.
 */
export function uncounted(sizeBytes: number): Buffer {
  return sizeBytes > LARGE_BYTES
    ? Buffer.allocUnsafeSlow(sizeBytes)
    : Buffer.from(new SharedArrayBuffer(sizeBytes))
}
