/** The bytes are not what they are said to be: too short, or out of range. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError'
}

/**
 * Reads what a Writer wrote. Nothing read is trusted: every length is checked against what is
 * there, every integer against its range, and a fault is a MalformedError.
 */
export class Reader {
  readonly #buffer: Buffer
  #position: number
  readonly #end: number

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#position = 0
    this.#end = bytes.byteLength
  }

  /** All bytes, read ones included. */
  get size(): number {
    return this.#end
  }

  get remaining(): number {
    return this.#end - this.#position
  }

  /** How many bytes have been read. */
  get position(): number {
    return this.#position
  }

  u8(): number {
    this.#need(1)
    return this.#buffer[this.#position++] ?? 0
  }

  u32(): number {
    this.#need(4)
    this.#position += 4
    return this.#buffer.readUInt32LE(this.#position - 4)
  }

  f64(): number {
    this.#need(8)
    this.#position += 8
    return this.#buffer.readDoubleLE(this.#position - 8)
  }

  varint(): number {
    const first = this.#buffer[this.#position]
    // Most are small.
    if (first !== undefined && first < 0x80 && this.#position < this.#end) {
      this.#position++
      return first
    }
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break
        return value
      }
      scale *= 0x80
    }
    throw new MalformedError('integer out of range')
  }

  /** The next `size` bytes, without a copy. */
  raw(size: number): Buffer {
    this.#need(size)
    this.#position += size
    return this.#buffer.subarray(this.#position - size, this.#position)
  }

  bytes(): Buffer {
    return this.raw(this.varint())
  }

  /** The next `size` bytes are not looked at. */
  skip(size: number): void {
    this.#need(size)
    this.#position += size
  }

  /** The next `size` bytes, as text of one byte a character. */
  latin1(size: number): string {
    this.#need(size)
    this.#position += size
    return this.#buffer.toString('latin1', this.#position - size, this.#position)
  }

  string(): string {
    const size = this.varint()
    this.#need(size)
    this.#position += size
    return this.#buffer.toString('utf8', this.#position - size, this.#position)
  }

  boolean(): boolean {
    const byte = this.u8()
    if (byte > 1) throw new MalformedError('boolean out of range')
    return byte === 1
  }

  /** A count of things that take at least one byte each, so that it cannot exceed what is there. */
  count(): number {
    const count = this.varint()
    if (count > this.remaining) throw new MalformedError('count exceeds the data')
    return count
  }

  /** Everything must have been read. */
  end(): void {
    if (this.remaining > 0) throw new MalformedError(`${this.remaining} bytes left over`)
  }

  #need(size: number): void {
    if (size < 0 || size > this.#end - this.#position) throw new MalformedError('data ends too early')
  }
}
