import { Reader } from '../../../bytes/reader.js'
import { Writer } from '../../../bytes/writer.js'
import { type Codec, type Codecs, completeCodecs } from '../../../machine/codec.js'
import type { ApplyContext, Machine } from '../../../machine/machine.js'
import type { ServerId } from '../../../paxos/ballot.js'
import type { Executions } from './executions.js'
import type { Guard } from './guard.js'

/** A command and the number of its request, by which it is known again wherever it is executed. */
export interface Tagged<C> {
  readonly tag: number
  readonly command: C
}

const bytesAsTheyAre: Codec<Uint8Array> = { encode: (bytes) => bytes, decode: (bytes) => bytes }

/** A state machine of which every step is watched. Results and answers come out encoded. */
export class WatchedMachine<C, R, Q, A> implements Machine<Tagged<C>, Uint8Array, Q, Uint8Array> {
  readonly codecs: Codecs<Tagged<C>, Uint8Array, Q, Uint8Array>
  readonly #inner: Machine<C, R, Q, A>
  readonly #innerCodecs: Codecs<C, R, Q, A>
  readonly #server: ServerId
  readonly #executions: Executions
  readonly #guard: Guard
  readonly #onViolation: (error: Error) => void
  readonly snapshot?: () => Iterable<Uint8Array>
  readonly restore?: (chunks: AsyncIterable<Uint8Array>) => Promise<void>
  #executed = 0

  constructor(
    inner: Machine<C, R, Q, A>,
    server: ServerId,
    executions: Executions,
    guard: Guard,
    onViolation: (error: Error) => void,
  ) {
    this.#inner = inner
    this.#innerCodecs = completeCodecs(inner.codecs)
    this.codecs = watchedCodecs(inner)
    this.#server = server
    this.#executions = executions
    this.#guard = guard
    this.#onViolation = onViolation
    if (inner.snapshot === undefined || inner.restore === undefined) return
    this.snapshot = () => prefixed(encodeCount(this.#executed), inner.snapshot?.() ?? [])
    this.restore = async (chunks) => {
      const source = chunks[Symbol.asyncIterator]()
      const first = await source.next()
      this.#executed = first.done === true ? 0 : new Reader(first.value).varint()
      await inner.restore?.({ [Symbol.asyncIterator]: () => source })
    }
  }

  apply({ command, tag }: Tagged<C>, context: ApplyContext): Uint8Array {
    let result: Uint8Array | string
    try {
      result = this.#guard.run(this.#server, 'apply', () =>
        this.#innerCodecs.result.encode(this.#inner.apply(command, context)),
      )
    } catch (error) {
      result = error instanceof Error ? error.message : String(error)
    }
    const { slot, time_ms } = context
    try {
      this.#guard.check(`apply(${JSON.stringify(command)}) in slot ${slot}`)
      this.#executions.add({ slot, tag, time_ms, command, by: this.#server, result }, this.#executed++)
    } catch (error) {
      this.#onViolation(error as Error)
    }
    if (typeof result === 'string') throw new Error(result)
    return result
  }

  query(query: Q): Uint8Array {
    return this.#guard.run(this.#server, 'query', () =>
      this.#innerCodecs.answer.encode(this.#inner.query(query)),
    )
  }
}

function* prefixed(first: Uint8Array, chunks: Iterable<Uint8Array>): Generator<Uint8Array, void, undefined> {
  yield first
  yield* chunks
}

/** How many commands were executed before a snapshot: its first chunk. */
function encodeCount(count: number): Uint8Array {
  const writer = new Writer()
  writer.varint(count)
  return writer.take()
}

/** How clients of a watched machine speak with it. */
export function watchedCodecs<C, R, Q, A>(
  machine: Machine<C, R, Q, A>,
): Codecs<Tagged<C>, Uint8Array, Q, Uint8Array> {
  const { command, query } = completeCodecs(machine.codecs)
  return {
    command: {
      encode(tagged) {
        const writer = new Writer()
        writer.varint(tagged.tag)
        writer.raw(command.encode(tagged.command))
        return writer.take()
      },
      decode(bytes) {
        const reader = new Reader(bytes)
        return { tag: reader.varint(), command: command.decode(reader.raw(reader.remaining)) }
      },
    },
    result: bytesAsTheyAre,
    query,
    answer: bytesAsTheyAre,
  }
}
