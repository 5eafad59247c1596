import { crc32 } from './checksum.js'
import { copyBytes } from './copy-bytes.js'

const INITIAL_SIZE = 1024

/** How many bytes a varint takes. */
export function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++
  return bytes
}

/**
 * Writes numbers, strings and bytes one after the other into a buffer that grows. Integers are
 * unsigned LEB128 varints up to 2^53 - 1 unless the name says otherwise; fixed-size numbers are
 * little-endian.
 */
export class Writer {
  #buffer: Buffer
  #length = 0
  readonly #isShared: boolean

  /** `into` is the buffer that it begins with, in shared memory, or the size of one of its own. */
  constructor(into: Buffer | number = INITIAL_SIZE) {
    this.#isShared = typeof into !== 'number'
    this.#buffer = typeof into === 'number' ? Buffer.allocUnsafe(into) : into
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = value
  }

  u32(value: number): void {
    this.#reserve(4)
    this.#length = this.#buffer.writeUInt32LE(value, this.#length)
  }

  f64(value: number): void {
    this.#reserve(8)
    this.#length = this.#buffer.writeDoubleLE(value, this.#length)
  }

  varint(value: number): void {
    this.#reserve(8)
    const buffer = this.#buffer
    let rest = value
    while (rest >= 0x80) {
      buffer[this.#length++] = (rest % 0x80) | 0x80
      rest = rest < 0x80000000 ? rest >>> 7 : Math.floor(rest / 0x80)
    }
    buffer[this.#length++] = rest
  }

  /** The bytes alone: the reader must know how many. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    copyBytes(bytes, this.#buffer, this.#length, this.#isShared)
    this.#length += bytes.length
  }

  /** A length and the bytes. */
  bytes(bytes: Uint8Array): void {
    this.varint(bytes.length)
    this.raw(bytes)
  }

  /** A length in bytes and the text as UTF-8. */
  string(text: string): void {
    const size = Buffer.byteLength(text)
    this.varint(size)
    this.#reserve(size)
    this.#length += this.#buffer.write(text, this.#length)
  }

  /** Text of one byte a character, without its length: the reader must know that. */
  latin1(text: string): void {
    this.#reserve(text.length)
    this.#length += this.#buffer.write(text, this.#length, 'latin1')
  }

  boolean(value: boolean): void {
    this.u8(value ? 1 : 0)
  }

  /** Leaves room for a u32 at the current place, to be filled in by `setU32`. Returns the place. */
  skipU32(): number {
    this.#reserve(4)
    this.#length += 4
    return this.#length - 4
  }

  setU32(position: number, value: number): void {
    this.#buffer.writeUInt32LE(value, position)
  }

  /** The checksum of what has been written from `start` up to `end`. */
  crc32(start: number, end = this.#length): number {
    return crc32(this.#buffer, start, end)
  }

  /**
   * What has been written from `start` on, without a copy: valid until the next write, `take` or
   * `reset`.
   */
  view(start = 0): Buffer {
    return this.#buffer.subarray(start, this.#length)
  }

  /**
   * What has been written, and the writer starts again. Little is copied out; much is handed over,
   * and the next buffer has room for as much, until little is taken again: one large message does
   * not cost its room for good.
   */
  take(): Buffer {
    const written = this.#buffer.subarray(0, this.#length)
    this.#length = 0
    const isLittle = written.length <= INITIAL_SIZE / 4
    if (!isLittle) this.#buffer = Buffer.allocUnsafe(Math.max(INITIAL_SIZE, written.length))
    else if (this.#buffer.length > INITIAL_SIZE) this.#buffer = Buffer.allocUnsafe(INITIAL_SIZE)
    return isLittle ? Buffer.from(written) : written
  }

  /**
   * Starts again in the same buffer: views of what was written show what is written next. A buffer
   * of more than `keptBytes` is let go.
   */
  reset(keptBytes: number): void {
    this.#length = 0
    if (this.#buffer.length > keptBytes) this.#buffer = Buffer.allocUnsafe(INITIAL_SIZE)
  }

  #reserve(size: number): void {
    const needed = this.#length + size
    if (needed <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(grown, 0, 0, this.#length)
    this.#buffer = grown
  }
}
