import { crc32 as crc32OfText } from 'node:zlib'
import { crc32 } from 'synod/internal/bytes/checksum.js'
import { Reader } from 'synod/internal/bytes/reader.js'
import type { Request } from 'synod/internal/machine/request.js'
import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { JournalRecord } from 'synod/internal/paxos/records.js'
import { type ReplicaEvent, durableEvent, messageEvent } from 'synod/internal/trace/trace-event.js'
import type { StepClock } from '../hardware/clock.js'
import type { Direction } from '../hardware/socket.js'
import type { SentMessage } from './wire-tap.js'

/**
 * What happens in a simulation: on its replicas, to them, and to their clients. The kinds
 * are in docs/reference/trace.md.
 */
export type SimulationEvent =
  | ReplicaEvent
  | {
      readonly event: 'plan' | 'fault' | 'heal' | 'invoke' | 'return' | 'violation'
      readonly [detail: string]: unknown
    }

/**
 * Everything that happens in a simulation, in order. It goes into a digest, by which two runs are
 * told to be the same to the byte; and, where there is a listener, out as one line of JSON for each
 * event.
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

  add(event: SimulationEvent): void {
    const line = this.#line(event)
    this.events++
    this.digest = crc32OfText(line, this.digest)
    this.#listener?.(line)
  }

  /** Records have become durable, encoded as `payload`. */
  durable(server: ServerId, payload: Uint8Array, records: readonly JournalRecord[]): void {
    this.#digestBytes(payload, server)
    if (this.#listener === undefined) return
    this.#listener(this.#line(durableEvent(server, records, tagOf)))
  }

  /** Bytes have arrived. What they say is left to `message`, as few runs are listened to. */
  arrival(way: Direction, chunk: Uint8Array): void {
    this.#digestBytes(chunk, way.connection)
  }

  /** The last byte of a message has arrived. */
  message(way: Direction, message: SentMessage): void {
    if (this.#listener === undefined) return
    this.#listener(this.#line(messageEvent('message', way, message, tagOf)))
  }

  #line(event: SimulationEvent): string {
    return JSON.stringify({ atMs: this.#clock.now(), ...event })
  }

  #digestBytes(bytes: Uint8Array, where: number): void {
    this.events++
    this.#stamp[0] = this.#clock.now()
    const [low = 0, high = 0] = this.#bits
    const stamp = this.digest ^ low ^ Math.imul(high, 31) ^ Math.imul(where, 0x9e3779b1)
    this.digest = crc32(bytes, 0, bytes.length, stamp >>> 0)
  }
}

/** Each request of a simulation has a number of its own, at the head of its command. */
function tagOf({ command }: Request): number {
  return new Reader(command).varint()
}
