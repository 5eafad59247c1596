import type { AnyMachine, CommandOf, QueryOf, CodecsOf } from 'synod/internal/machine/machine.js'
import { Reader } from 'synod/internal/bytes/reader.js'
import { Writer } from 'synod/internal/bytes/writer.js'
import { SynodError } from 'synod/internal/errors.js'
import type { Codec, Codecs } from 'synod/internal/machine/codec.js'
import {
  answerQuery,
  applyCommand,
  applyCommands,
  checkChunk,
  snapshotChunks,
  decodeWith,
  encodeWith,
  errorText,
  versionOfCommand,
  codecsOf,
} from 'synod/internal/machine/contract.js'
import type { ApplyContext, BatchedCommand, Machine } from 'synod/internal/machine/machine.js'
import { Refusal } from 'synod/internal/machine/refusal.js'
import type { ServerId } from 'synod/internal/paxos/ballot.js'
import { type Executions, describePosition } from './executions.js'
import { valueText } from '../trace/words.js'
import type { DeterminismGuard } from './determinism-guard.js'
import { Violation } from './violation.js'

/** A command and the number of its request, by which it is known again wherever it is executed. */
export interface Tagged<M extends AnyMachine> {
  readonly tag: number
  readonly command: CommandOf<M>
  /** The command as it stands in the log, where it was decoded from there. */
  readonly encoded?: Uint8Array
}

/**
 * An answer, and how many commands the state that gave it had executed: an old state shows also
 * where its answer is still right.
 */
export interface Placed {
  readonly answer: Uint8Array
  readonly place: number
}

const NOTHING = new Uint8Array(0)

/**
 * What clients from outside ask for that do not belong to the workload: every state machine refuses
 * it.
 */
export const FOREIGN_COMMAND: Uint8Array = Buffer.from([0])
export const FOREIGN_QUERY: Uint8Array = Buffer.from('\0a query of nobody\0')

const FOREIGN_TAG = 0

const bytesAsTheyAre: Codec<Uint8Array> = { encode: (bytes) => bytes, decode: (bytes) => bytes }

/**
 * A state machine of which every step is watched. Results and answers come out encoded, answers
 * with their place.
 */
export class WatchedMachine<M extends AnyMachine> implements Machine<
  Tagged<M>,
  Uint8Array,
  QueryOf<M>,
  Placed
> {
  readonly codecs: Codecs<Tagged<M>, Uint8Array, QueryOf<M>, Placed>
  readonly #inner: M
  readonly #innerCodecs: CodecsOf<M>
  readonly #server: ServerId
  readonly #executions: Executions
  readonly #guard: DeterminismGuard
  readonly #onViolation: (error: Error) => void
  /**
   * One of the two that a simulation of upgrades has; the version of the machine itself, where
   * undefined.
   */
  readonly #simulated: number | undefined
  readonly version?: number
  readonly versionOf?: (tagged: Tagged<M>) => number
  /** On every second server, where the machine takes batches: the others show the same results. */
  readonly applyBatch?: (batch: readonly BatchedCommand<Tagged<M>>[]) => (Uint8Array | Refusal)[]
  readonly snapshot?: () => Iterable<Uint8Array>
  readonly restore?: (chunks: AsyncIterable<Uint8Array>) => Promise<void>
  #executed = 0

  constructor(
    inner: M,
    server: ServerId,
    executions: Executions,
    guard: DeterminismGuard,
    onViolation: (error: Error) => void,
    simulated?: number,
  ) {
    this.#inner = inner
    this.#innerCodecs = codecsOf(inner)
    this.codecs = watchedCodecs(inner)
    this.#server = server
    this.#executions = executions
    this.#guard = guard
    this.#onViolation = onViolation
    this.#simulated = simulated
    const version = simulated ?? inner.version
    if (version !== undefined) this.version = version
    if (simulated !== undefined) this.versionOf = (tagged) => Math.min(simulated, simulatedVersion(tagged))
    else if (inner.versionOf !== undefined) this.versionOf = ({ command }) => versionOfCommand(inner, command)
    if (inner.applyBatch !== undefined && server % 2 === 0)
      this.applyBatch = (batch) => this.#applyBatch(batch)
    if (inner.snapshot === undefined || inner.restore === undefined) return
    this.snapshot = () => this.#snapshot()
    this.restore = (chunks) => this.#restore(inner.restore?.bind(inner), chunks)
  }

  /** The result of a command is what `applyCommand` makes of it, here as in a replica. */
  apply(tagged: Tagged<M>, context: ApplyContext): Uint8Array {
    const { command, tag } = tagged
    this.#checkVersion(tag, context)
    let result: Uint8Array | string
    try {
      result = this.#guard.run(this.#server, 'apply', () =>
        applyCommand(this.#inner, this.#innerCodecs, command, context),
      )
    } catch (error) {
      if (error instanceof SynodError && error.code === 'invalid-machine') throw error
      result = errorText(error)
    }
    this.#executedOne(tagged, context, result)
    if (typeof result === 'string') throw new Error(result)
    return result
  }

  #applyBatch(batch: readonly BatchedCommand<Tagged<M>>[]): (Uint8Array | Refusal)[] {
    const inner = this.#inner as M & Required<Pick<AnyMachine, 'applyBatch'>>
    for (const { command, context } of batch) this.#checkVersion(command.tag, context)
    const outcomes = this.#guard.run(this.#server, 'apply', () =>
      applyCommands(
        inner,
        this.#innerCodecs,
        batch.map(({ command: { command }, context }) => ({ command, context })),
      ),
    )
    return batch.map(({ command, context }, index) => {
      const { result, status } = outcomes[index] ?? { status: 'failed', result: NOTHING }
      const text = Buffer.from(result).toString()
      this.#executedOne(command, context, status === 'done' ? result : text)
      return status === 'done' ? result : new Refusal(text)
    })
  }

  #executedOne(
    { command, encoded, tag }: Tagged<M>,
    { position, timeMs, version }: ApplyContext,
    result: Uint8Array | string,
  ): void {
    try {
      this.#guard.check(`apply(${valueText(command)}) in ${describePosition(position)}`)
      // The state machine may have kept the command that it was given, and change it.
      const fresh = this.#innerCodecs.command.decode(encoded ?? NOTHING)
      const execution = { position, tag, timeMs, version, command: fresh, result }
      const by = this.#server
      this.#executions.add({ ...execution, encoded: encoded ?? NOTHING, by }, this.#executed++)
    } catch (error) {
      this.#onViolation(error as Error)
    }
  }

  /** No command may come to a build that does not know it, nor before all members do. */
  #checkVersion(tag: number, { position, version }: ApplyContext): void {
    const known = Math.min(this.#simulated ?? Infinity, version)
    if (this.#simulated === undefined || simulatedVersion({ tag }) <= known) return
    const what = `s${this.#server} has executed command ${tag} in slot ${position.slot}, which only version 2 knows: it has version ${this.#simulated}`
    this.#onViolation(new Violation('agreement', `${what}, and version ${version} was agreed on`))
  }

  frees({ command }: Tagged<M>): boolean {
    return this.#inner.frees?.(command) === true
  }

  query(query: QueryOf<M>): Placed {
    const answer = this.#guard.run(this.#server, 'query', () =>
      answerQuery(this.#inner, this.#innerCodecs, query),
    )
    return { answer, place: this.#executed }
  }

  /**
   * Begun when a replica begins it, and chunk by chunk as there. How many commands were executed
   * comes last.
   */
  #snapshot(): Iterable<Uint8Array> {
    const count = encodeCount(this.#executed)
    const failed = (error: unknown) => {
      const what = `the snapshot of s${this.#server} failed: ${errorText(error)}`
      this.#onViolation(new Violation('unexpected-failure', what, { cause: error }))
      return error
    }
    try {
      return followedBy(count, snapshotChunks(this.#inner) ?? [], failed)
    } catch (error) {
      throw failed(error)
    }
  }

  async #restore(restore: M['restore'], chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await restore?.(
      withoutLast(chunks, (count) => {
        this.#executed = new Reader(count).varint()
      }),
    )
  }
}

/**
 * The version from which on a command is known where upgrades are simulated: of two commands, one.
 */
export function simulatedVersion({ tag }: { readonly tag: number }): number {
  return 1 + (tag % 2)
}

/** The chunks as they are taken, and then one more. */
function* followedBy(
  last: Uint8Array,
  chunks: Iterable<Uint8Array>,
  failed: (error: unknown) => unknown,
): Generator<Uint8Array, void, undefined> {
  try {
    for (const chunk of chunks) {
      checkChunk(chunk)
      yield chunk
    }
  } catch (error) {
    throw failed(error)
  }
  yield last
}

/**
 * The end is asked for when the reader asks for it, and not before: who does not read so far is
 * refused by a replica.
 */
async function* withoutLast(
  chunks: AsyncIterable<Uint8Array>,
  onLast: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array | undefined
  for await (const chunk of chunks) {
    if (held !== undefined) yield held
    held = chunk
  }
  if (held !== undefined) onLast(held)
}

/** How many commands were executed before a snapshot: its last chunk. */
function encodeCount(count: number): Uint8Array {
  const writer = new Writer()
  writer.varint(count)
  return writer.take()
}

/** How clients of a watched machine speak with it. */
export function watchedCodecs<M extends AnyMachine>(
  machine: M,
): Codecs<Tagged<M>, Uint8Array, QueryOf<M>, Placed> {
  const { command, query } = codecsOf(machine)
  return {
    command: {
      encode(tagged) {
        const writer = new Writer()
        writer.varint(tagged.tag)
        writer.raw(encodeWith('command', command, tagged.command))
        return writer.take()
      },
      decode(bytes) {
        const reader = new Reader(bytes)
        const tag = reader.varint()
        if (tag === FOREIGN_TAG) throw new Error('a command of nobody')
        const encoded = reader.raw(reader.remaining)
        return { tag, command: decodeWith('command', command, encoded), encoded: Uint8Array.from(encoded) }
      },
    },
    result: bytesAsTheyAre,
    query: {
      encode: (asked) => query.encode(asked),
      decode(bytes) {
        if (Buffer.compare(bytes, FOREIGN_QUERY) === 0) throw new Error('a query of nobody')
        return query.decode(bytes)
      },
    },
    answer: {
      encode({ answer, place }) {
        const writer = new Writer()
        writer.varint(place)
        writer.raw(answer)
        return writer.take()
      },
      decode(bytes) {
        const reader = new Reader(bytes)
        return { place: reader.varint(), answer: Uint8Array.from(reader.raw(reader.remaining)) }
      },
    },
  }
}
