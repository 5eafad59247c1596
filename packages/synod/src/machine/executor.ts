import { crc32 } from '../bytes/checksum.js'
import { MalformedError } from '../bytes/reader.js'
import { Writer } from '../bytes/writer.js'
import { SynodError } from '../errors.js'
import type { Slot } from '../paxos/ballot.js'
import type { Value } from '../paxos/value.js'
import { type Codecs, completeCodecs } from './codec.js'
import type { Machine } from './machine.js'
import { type Request, type RequestKey, decodeRequest } from './request.js'
import { type Outcome, Sessions } from './sessions.js'

/** The largest result or answer, encoded. */
export const MAX_RESULT_BYTES = 16 << 20

/** What came of which request. */
export interface Execution {
  readonly request: RequestKey
  readonly outcome: Outcome
}

/** A state machine with the sessions in front of it: executes chosen values, in the order of their slots. */
export class Executor<Command, Result, Query, Answer> {
  readonly codecs: Codecs<Command, Result, Query, Answer>
  readonly #machine: Machine<Command, Result, Query, Answer>
  readonly #sessions = new Sessions()
  #executed: Slot = 0
  #time_ms = 0
  #digest = 0

  constructor(machine: Machine<Command, Result, Query, Answer>) {
    this.#machine = machine
    this.codecs = completeCodecs(machine.codecs)
  }

  /** The executed bar. */
  get executed(): Slot {
    return this.#executed
  }

  /** A checksum over everything executed: replicas with the same executed bar must have the same. */
  get digest(): number {
    return this.#digest
  }

  get sessions(): number {
    return this.#sessions.size
  }

  /** Executes the value of the next slot. Undefined if nobody can be waiting for it: a no-op, say. */
  execute(slot: Slot, value: Value): Execution | undefined {
    if (slot !== this.#executed + 1) throw new RangeError(`slot ${slot} cannot follow ${this.#executed}`)
    this.#executed = slot
    this.#digest = crc32(value, 0, value.length, this.#digest)
    const request = value.length === 0 ? undefined : readRequest(value)
    if (request === undefined) return undefined
    this.#time_ms = Math.max(this.#time_ms, request.time_ms)
    const outcome =
      request.kind === 'open'
        ? this.#open(slot)
        : this.#sessions.execute(slot, request, () => this.#apply(slot, request))
    return outcome && { request, outcome }
  }

  /**
   * Answers an encoded query from the state as it is. Throws what the state machine throws, and `too-large`.
   */
  query(query: Uint8Array): Uint8Array {
    return checkSize(this.codecs.answer.encode(this.#machine.query(this.codecs.query.decode(query))))
  }

  #open(slot: Slot): Outcome {
    const writer = new Writer(16)
    writer.varint(this.#sessions.open(slot))
    return { status: 'done', result: writer.view() }
  }

  #apply(slot: Slot, request: Request): Outcome {
    try {
      const command = this.codecs.command.decode(request.command)
      const result = this.#machine.apply(command, { slot, time_ms: this.#time_ms })
      return { status: 'done', result: checkSize(this.codecs.result.encode(result)) }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      return { status: 'failed', result: Buffer.from(message) }
    }
  }
}

function checkSize(result: Uint8Array): Uint8Array {
  if (result.length <= MAX_RESULT_BYTES) return result
  throw new SynodError('too-large', `a result of ${result.length} bytes; the most is ${MAX_RESULT_BYTES}`)
}

/** Undefined for what is no request. A replica lets none into the log; all must ignore it alike. */
function readRequest(value: Value): Request | undefined {
  try {
    return decodeRequest(value)
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}
