/**
 * A buffer for what comes and goes by the megabyte. V8 takes the memory of an ArrayBuffer for
 * growth of its heap, and marks the whole heap after every 8 MB; shared memory it does not count.
 */
export function uncounted(sizeBytes: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(sizeBytes))
}
