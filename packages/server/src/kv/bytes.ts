import { isUtf8 } from 'node:buffer'
import { SynodError } from 'synod'

/** The bytes are no encoding of what they should be. */
export function malformed(message: string): SynodError {
  return new SynodError('wrong-protocol', `malformed: ${message}`)
}

/** A call that checks text costs as much as a look at this many bytes. */
const LONG_TEXT_BYTES = 64

/** The same bytes as a Buffer, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

/**
 * Reads what a Packer wrote. Nothing is trusted: faults are thrown as SynodError `wrong-protocol`.
 */
export class Unpacker {
  readonly #buffer: Buffer
  #position = 0

  constructor(bytes: Uint8Array) {
    this.#buffer = asBuffer(bytes)
  }

  u8(): number {
    return this.#buffer[this.#take(1)] ?? 0
  }

  u16(): number {
    return this.#buffer.readUInt16LE(this.#take(2))
  }

  u32(): number {
    return this.#buffer.readUInt32LE(this.#take(4))
  }

  boolean(): boolean {
    const byte = this.u8()
    if (byte > 1) throw malformed(`${byte} is no boolean`)
    return byte === 1
  }

  /** The next `size` bytes, without a copy. */
  raw(size: number): Uint8Array {
    const start = this.#take(size)
    return this.#buffer.subarray(start, start + size)
  }

  /** Text of 0 to `maxBytes` bytes. */
  text(maxBytes: number): string {
    const size = this.u16()
    if (size > maxBytes) throw malformed(`text of ${size} bytes`)
    const start = this.#take(size)
    const end = start + size
    if (size < LONG_TEXT_BYTES && isAscii(this.#buffer, start, end))
      return this.#buffer.toString('latin1', start, end)
    if (!isUtf8(this.#buffer.subarray(start, end))) throw malformed('text that is not UTF-8')
    return this.#buffer.toString('utf8', start, end)
  }

  /** The next `size` bytes, as text of one byte a character. */
  latin1(size: number): string {
    const start = this.#take(size)
    return this.#buffer.toString('latin1', start, start + size)
  }

  get left(): number {
    return this.#buffer.length - this.#position
  }

  /** Everything that is left, without a copy. */
  rest(): Uint8Array {
    return this.raw(this.left)
  }

  /** Everything must have been read. */
  end(): void {
    if (this.left > 0) throw malformed(`${this.left} bytes left over`)
  }

  #take(size: number): number {
    const start = this.#position
    if (size > this.left) throw malformed('the data ends too early')
    this.#position += size
    return start
  }
}

function isAscii(buffer: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if ((buffer[at] ?? 0) >= 0x80) return false
  return true
}

/** Writes into bytes of exactly the size that is needed, which the caller knows. */
export class Packer {
  readonly #buffer: Buffer
  #position = 0

  constructor(sizeBytes: number) {
    this.#buffer = Buffer.allocUnsafe(sizeBytes)
  }

  u8(value: number): this {
    this.#position = this.#buffer.writeUInt8(value, this.#position)
    return this
  }

  u16(value: number): this {
    this.#position = this.#buffer.writeUInt16LE(value, this.#position)
    return this
  }

  u32(value: number): this {
    this.#position = this.#buffer.writeUInt32LE(value, this.#position)
    return this
  }

  boolean(value: boolean): this {
    return this.u8(value ? 1 : 0)
  }

  raw(bytes: Uint8Array): this {
    this.#buffer.set(bytes, this.#position)
    this.#position += bytes.length
    return this
  }

  /** Text that takes `sizeBytes` as UTF-8, after that size. */
  text(text: string, sizeBytes: number): this {
    this.u16(sizeBytes)
    this.#position += this.#buffer.write(text, this.#position)
    return this
  }

  done(): Uint8Array {
    if (this.#position !== this.#buffer.length)
      throw new RangeError('the size was not what it was said to be')
    return this.#buffer
  }
}
