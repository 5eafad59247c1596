import { crc32 as crc32OfText } from 'node:zlib'
import { crc32 } from '../../../bytes/checksum.js'
import type { ServerId } from '../../../paxos/ballot.js'
import type { JournalRecord } from '../../../paxos/records.js'
import type { StepClock } from '../hardware/clock.js'
import type { Way } from '../hardware/socket.js'
import { type Said, plain } from './wire-tap.js'

/** Something that happened, with whatever is to be said of it: plain data. docs/trace.md lists the kinds. */
export interface TraceEvent {
  readonly event: string
  readonly [detail: string]: unknown
}

/**
 * Everything that happens in a simulation, in order. It goes into a digest, by which two runs are told to be the
 * same to the byte; and, where somebody listens, out as one line of JSON for each event.
 */
export class Trace {
  digest = 0
  events = 0
  readonly #clock: StepClock
  readonly #listener: ((line: string) => void) | undefined
  /** The time, and its bits. */
  readonly #stamp = new Float64Array(1)
  readonly #bits = new Int32Array(this.#stamp.buffer)

  constructor(clock: StepClock, listener?: (line: string) => void) {
    this.#clock = clock
    this.#listener = listener
  }

  add(event: TraceEvent): void {
    const line = JSON.stringify({ at_ms: this.#clock.now(), ...event })
    this.events++
    this.digest = crc32OfText(line, this.digest)
    this.#listener?.(line)
  }

  /** Records have become durable, encoded as `payload`. */
  durable(server: ServerId, payload: Uint8Array, records: readonly JournalRecord[]): void {
    this.#digestBytes(payload, server)
    if (this.#listener === undefined) return
    const event = { at_ms: this.#clock.now(), event: 'durable', server, records: records.map(plain) }
    this.#listener(JSON.stringify(event))
  }

  /** Bytes have arrived. What they say is left to `message`, as few runs are listened to. */
  arrival(way: Way, chunk: Uint8Array): void {
    this.#digestBytes(chunk, way.connection)
  }

  /** The last byte of a message has arrived. */
  message({ connection, from, to }: Way, message: Said): void {
    if (this.#listener === undefined) return
    const event = {
      at_ms: this.#clock.now(),
      event: 'message',
      connection,
      from,
      to,
      message: plain(message),
    }
    this.#listener(JSON.stringify(event))
  }

  #digestBytes(bytes: Uint8Array, where: number): void {
    this.events++
    this.#stamp[0] = this.#clock.now()
    const [low = 0, high = 0] = this.#bits
    const stamp = this.digest ^ low ^ Math.imul(high, 31) ^ Math.imul(where, 0x9e3779b1)
    this.digest = crc32(bytes, 0, bytes.length, stamp >>> 0)
  }
}
