import { uncounted } from '../../bytes/uncounted.js'
import { crc32 } from '../../bytes/checksum.js'
import { copyBytes } from '../../bytes/copy-bytes.js'
import { Writer } from '../../bytes/writer.js'
import type { VersionRange } from '../../cluster/versions.js'
import { SynodError } from '../../errors.js'
import type { Socket } from './network.js'
import { PREAMBLE_BYTES, PROTOCOLS, readPreamble, writePreamble, type ConnectionKind } from './preamble.js'

/** A payload may be as large as this. A larger one is refused before any of it is stored. */
export const MAX_FRAME_BYTES = 32 * 1024 * 1024

/** The first payload of a connection, its handshake, may be as large as this. */
export const MAX_HANDSHAKE_BYTES = 4 * 1024

/**
 * Payload length, payload checksum, and a checksum of these two, each a u32. A length is not taken
 * at its word: a reader that waits for a payload which never comes would swallow all that follows,
 * unnoticed.
 */
export const HEADER_BYTES = 12
const HEADER_CHECKSUM = 8

/** What the buffer for a part that arrives in pieces starts with. */
const INITIAL_PART_BYTES = 4 * 1024

/** A buffer that is too small is followed by one of this many times what has arrived. */
const GROWTH = 4

const NOTHING: Buffer = Buffer.alloc(0)

/** Writes the preamble, and after it one frame at a time. */
export class FrameWriter {
  #writer = new Writer()
  readonly #keptBytes: number
  #frame = -1

  /** A buffer of up to `keptBytes` is used for one frame after the other. */
  constructor(kind: ConnectionKind, protocols = PROTOCOLS, keptBytes = 0) {
    this.#keptBytes = keptBytes
    writePreamble(this.#writer, kind, protocols)
  }

  /** Bytes waiting for `take`. */
  get length(): number {
    return this.#writer.length
  }

  /** Where to write the next message of the payload: the open frame, or a new one. */
  open(): Writer {
    if (this.#frame < 0) {
      this.#frame = this.#writer.skipU32()
      this.#writer.skipU32()
      this.#writer.skipU32()
    }
    return this.#writer
  }

  /**
   * Forgets what was written after the writer's length was `length`. For the rare case: it copies.
   */
  cut(length: number): void {
    const kept = this.#writer.take().subarray(0, length)
    this.#writer.raw(kept)
  }

  /** Closes the frame and hands over everything that waits. */
  take(): Buffer {
    this.#close()
    return this.#writer.take()
  }

  /** Closes the frame and writes everything that waits. */
  writeTo(socket: Pick<Socket, 'unsentBytes' | 'write'>): void {
    this.#close()
    socket.write(this.#writer.view())
    if (socket.unsentBytes === 0) this.#writer.reset(this.#keptBytes)
    else this.#writer = new Writer()
  }

  #close(): void {
    const start = this.#frame
    if (start >= 0) {
      const payload = start + HEADER_BYTES
      this.#writer.setU32(start, this.#writer.length - payload)
      this.#writer.setU32(start + 4, this.#writer.crc32(payload))
      this.#writer.setU32(start + HEADER_CHECKSUM, this.#writer.crc32(start, start + HEADER_CHECKSUM))
      this.#frame = -1
    }
  }
}

/**
 * Turns the chunks of a connection back into payloads: give it a chunk, then take payloads until
 * there are none. A payload that lies within a chunk is a view of it; one that does not is gathered
 * in a buffer of at most `GROWTH` times what has arrived of it.
 */
export class FrameReader {
  readonly #kind: ConnectionKind
  readonly #protocols: VersionRange
  readonly #maxFrameBytes: number
  #theirs: VersionRange | undefined
  #expected: 'preamble' | 'header' | 'payload' = 'preamble'
  #limitBytes = MAX_HANDSHAKE_BYTES
  #payloads = 0
  #payloadBytes = 0
  #checksum = 0

  /** The chunk being read, and how far it is. */
  #chunk: Buffer = NOTHING
  #position = 0

  /** The beginning of a part whose end has not arrived. */
  #part: Buffer = NOTHING
  #partBytes = 0

  constructor(kind: ConnectionKind, maxFrameBytes = MAX_FRAME_BYTES, protocols = PROTOCOLS) {
    this.#kind = kind
    this.#protocols = protocols
    this.#maxFrameBytes = maxFrameBytes
  }

  /**
   * The versions of the protocol that the other side speaks; undefined until its preamble was read.
   */
  get theirs(): VersionRange | undefined {
    return this.#theirs
  }

  /** Bytes held for a part that is not complete. */
  get bufferedBytes(): number {
    return this.#part.length
  }

  /** Whether a frame has begun whose end has not arrived. */
  get isWithinFrame(): boolean {
    return this.#expected === 'payload' || this.#partBytes > 0
  }

  /** How many payloads were complete so far. */
  get payloads(): number {
    return this.#payloads
  }

  /** The chunk that is being read, if that is not at its end. */
  get unreadBytes(): number {
    return this.#position < this.#chunk.length ? this.#chunk.length : 0
  }

  /** Nothing more is read: lets go of what is held. */
  clear(): void {
    this.#chunk = NOTHING
    this.#position = 0
    this.#part = NOTHING
    this.#partBytes = 0
  }

  /** Gives the next chunk; the one before must have been read to its end. */
  push(chunk: Uint8Array): void {
    this.#chunk = Buffer.isBuffer(chunk)
      ? chunk
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    this.#position = 0
  }

  /**
   * The next payload, or undefined if more has to arrive first. After the handshake it may be
   * empty.
   *
   * @throws SynodError `wrong-protocol`: what arrives is not the preamble or frames.
   */
  next(): Buffer | undefined {
    for (;;) {
      const part = this.#take(this.#expectedBytes())
      if (part === undefined) return undefined
      switch (this.#expected) {
        case 'preamble':
          this.#theirs = readPreamble(part, this.#kind, this.#protocols)
          this.#expected = 'header'
          break
        case 'header':
          this.#readHeader(part)
          this.#expected = 'payload'
          break
        case 'payload':
          if (crc32(part) !== this.#checksum)
            throw new SynodError('wrong-protocol', 'wrong checksum of a frame')
          this.#expected = 'header'
          this.#limitBytes = this.#maxFrameBytes
          this.#payloads++
          return part
      }
    }
  }

  #expectedBytes(): number {
    switch (this.#expected) {
      case 'preamble':
        return PREAMBLE_BYTES
      case 'header':
        return HEADER_BYTES
      case 'payload':
        return this.#payloadBytes
    }
  }

  #readHeader(header: Buffer): void {
    if (crc32(header, 0, HEADER_CHECKSUM) !== header.readUInt32LE(HEADER_CHECKSUM)) {
      throw new SynodError('wrong-protocol', 'wrong checksum of the header of a frame')
    }
    this.#payloadBytes = header.readUInt32LE(0)
    this.#checksum = header.readUInt32LE(4)
    if (this.#payloadBytes === 0 && this.#limitBytes === MAX_HANDSHAKE_BYTES)
      throw new SynodError('wrong-protocol', 'an empty frame, where a handshake should be')
    if (this.#payloadBytes > this.#limitBytes) {
      throw new SynodError(
        'wrong-protocol',
        `a frame of ${this.#payloadBytes} bytes, above the limit of ${this.#limitBytes}`,
      )
    }
  }

  /** The next `size` bytes, or undefined while they are not all there. */
  #take(size: number): Buffer | undefined {
    const available = this.#chunk.length - this.#position
    if (this.#partBytes === 0 && available >= size) {
      this.#position += size
      return this.#chunk.subarray(this.#position - size, this.#position)
    }
    const wanted = Math.min(available, size - this.#partBytes)
    if (wanted > 0) this.#gather(wanted, size)
    if (this.#partBytes < size) {
      this.#chunk = NOTHING
      this.#position = 0
      return undefined
    }
    const whole = this.#part
    this.#part = NOTHING
    this.#partBytes = 0
    return whole
  }

  /** Moves `wanted` bytes from the chunk to the part, which will have `size` bytes in the end. */
  #gather(wanted: number, size: number): void {
    const needed = this.#partBytes + wanted
    if (needed > this.#part.length) {
      const grown = this.#allocate(Math.min(size, Math.max(INITIAL_PART_BYTES, GROWTH * needed)))
      copyBytes(this.#part.subarray(0, this.#partBytes), grown, 0)
      this.#part = grown
    }
    copyBytes(this.#chunk.subarray(this.#position, this.#position + wanted), this.#part, this.#partBytes)
    this.#position += wanted
    this.#partBytes = needed
  }

  /** What clients send must be counted: they may send as much as they like. */
  #allocate(sizeBytes: number): Buffer {
    return this.#kind === 'peer' && sizeBytes > INITIAL_PART_BYTES
      ? uncounted(sizeBytes)
      : Buffer.allocUnsafe(sizeBytes)
  }
}
