import { MAX_VERSION } from '../cluster/versions.js'
import { SynodError } from '../errors.js'
import {
  BOOLEAN,
  FUNCTION,
  type Rule,
  checkOption,
  group,
  isBytes,
  isThenable,
  required,
  shown,
  wholeFrom,
  withMethods,
} from '../options.js'
import { type Codec, type Codecs, completeCodecs } from './codec.js'
import { type Following, mapFollowing } from './following.js'
import { NO_RESULT } from './outcome.js'
import {
  type AnswerOf,
  type AnyMachine,
  type ApplyContext,
  type BatchedCommand,
  type CodecsOf,
  type CommandOf,
  MAX_SNAPSHOT_CHUNK_BYTES,
  type QueryOf,
  type ResultOf,
} from './machine.js'
import type { Outcome } from './outcome.js'
import { Refusal } from './refusal.js'

/** The largest result or answer, encoded. */
export const MAX_RESULT_BYTES = 16 << 20

/** The largest result of a machine that takes batches, encoded: it bounds those of a batch. */
export const MAX_BATCHED_RESULT_BYTES = 64 << 10

/** No more is kept of the message of what a state machine throws. */
export const MAX_ERROR_TEXT_BYTES = 1024

// What a state machine is asked stands here, once: replicas ask it so, and so does the simulator.

const CODEC = withMethods('encode', 'decode')

/** Of a machine's `codecs`, and of a client's. */
export const CODECS: Rule = group({ command: CODEC, result: CODEC, query: CODEC, answer: CODEC })

/** The codecs of a machine, JSON where it gives none. */
export function codecsOf<M extends AnyMachine>(machine: M): CodecsOf<M> {
  return completeCodecs(machine.codecs) as CodecsOf<M>
}

/** Throws `invalid-options` for what has not the methods of a state machine. */
export function checkMachine(machine: unknown): void {
  checkOption('machine', machine, required(withMethods('apply', 'query')))
  const given = machine as Partial<Record<string, unknown>>
  const { applyBatch, codecs, follow, frees, immutableAnswers, restore, snapshot, version, versionOf } = given
  checkOption('machine.applyBatch', applyBatch, FUNCTION)
  checkOption('machine.snapshot', snapshot, FUNCTION)
  checkOption('machine.restore', restore, FUNCTION)
  checkOption('machine.follow', follow, FUNCTION)
  checkOption('machine.frees', frees, FUNCTION)
  checkOption('machine.immutableAnswers', immutableAnswers, BOOLEAN)
  checkOption('machine.version', version, wholeFrom(1, MAX_VERSION))
  checkOption('machine.versionOf', versionOf, FUNCTION)
  checkOption('machine.codecs', codecs, CODECS)
  if ((snapshot === undefined) === (restore === undefined)) return
  const [has, lacks] = restore === undefined ? ['snapshot', 'restore'] : ['restore', 'snapshot']
  throw new SynodError('invalid-options', `machine has ${has} and no ${lacks}: it must have both, or neither`)
}

/**
 * The encoded result of a command. Throws what the state machine throws; `command-failed` where its
 * result cannot be encoded; and `invalid-machine` where it went on after it had returned: its state
 * cannot be foretold.
 */
export function applyCommand<M extends AnyMachine>(
  machine: M,
  codecs: CodecsOf<M>,
  command: CommandOf<M>,
  context: ApplyContext,
): Uint8Array {
  const result = machine.apply(command, context)
  refusePromise('apply', result)
  return encodeResult(machine, codecs, result)
}

/**
 * The outcomes of commands that the state machine takes as one batch, in their order. Throws
 * `invalid-machine` where it gives no result for each: how far it came cannot be known.
 */
export function applyCommands<M extends AnyMachine>(
  machine: M & Required<Pick<AnyMachine, 'applyBatch'>>,
  codecs: CodecsOf<M>,
  batch: readonly BatchedCommand<CommandOf<M>>[],
): readonly Outcome[] {
  let results: unknown
  try {
    results = machine.applyBatch(batch)
  } catch (error) {
    const what = `applyBatch threw: ${errorText(error)}; where it refuses a command, its result is a Refusal`
    throw new SynodError('invalid-machine', what, { cause: error })
  }
  refusePromise('applyBatch', results)
  if (!Array.isArray(results) || results.length !== batch.length) {
    const given = Array.isArray(results) ? `${results.length} of them` : shown(results)
    throw invalidMachine(`applyBatch must return ${batch.length} results, one for each command, not ${given}`)
  }
  return results.map((result: unknown) => {
    refusePromise('applyBatch', result)
    if (result instanceof Refusal) return failedOutcome(result.message)
    try {
      return { status: 'done', result: encodeResult(machine, codecs, result) }
    } catch (error) {
      return failedOutcome(error)
    }
  })
}

/** Of a command for which this was thrown. */
export function failedOutcome(error: unknown): Outcome {
  return { status: 'failed', result: Buffer.from(errorText(error)) }
}

function encodeResult<M extends AnyMachine>(machine: M, codecs: CodecsOf<M>, result: unknown): Uint8Array {
  try {
    const limitBytes = machine.applyBatch === undefined ? MAX_RESULT_BYTES : MAX_BATCHED_RESULT_BYTES
    return checkSize(encodeWith('result', codecs.result, result as ResultOf<M>), limitBytes)
  } catch (error) {
    // By now the state has changed, even if the result cannot be returned.
    const what = `${NO_RESULT}: ${errorText(error)}`
    throw new SynodError('command-failed', what, { cause: error })
  }
}

/**
 * The version from which on a command is known. Throws what `versionOf` throws, and
 * `invalid-options` where that gives no version.
 */
export function versionOfCommand<C>(
  rule: { versionOf?: ((command: C) => number) | undefined },
  command: C,
): number {
  const version: unknown = rule.versionOf?.(command) ?? 1
  if (Number.isInteger(version) && (version as number) >= 1 && (version as number) <= MAX_VERSION)
    return version as number
  throw new SynodError(
    'invalid-options',
    `versionOf must return a whole number from 1 to ${MAX_VERSION}, not ${shown(version)}`,
  )
}

/**
 * The encoded answer to a query. Throws what the state machine throws, `too-large` and
 * `invalid-machine`.
 */
export function answerQuery<M extends AnyMachine>(
  machine: M,
  codecs: CodecsOf<M>,
  query: QueryOf<M>,
): Uint8Array {
  return checkSize(encodeWith('answer', codecs.answer, queryMachine(machine, query)))
}

/** The answer to a query. Throws what the state machine throws, and `invalid-machine`. */
export function queryMachine<M extends AnyMachine>(machine: M, query: QueryOf<M>): AnswerOf<M> {
  const answer = machine.query(query)
  refusePromise('query', answer)
  return answer as AnswerOf<M>
}

/**
 * Begins to follow what a query asks about. Throws what the state machine throws, and
 * `invalid-options` where it has no `follow`.
 */
export function followMachine<M extends AnyMachine>(
  machine: M,
  query: QueryOf<M>,
  onReady: () => void,
): Following<AnswerOf<M>> {
  if (machine.follow === undefined)
    throw new SynodError('invalid-options', 'the state machine has no `follow`')
  const following: unknown = machine.follow(query, onReady)
  refusePromise('follow', following)
  return following as Following<AnswerOf<M>>
}

/**
 * The same for an encoded query, with encoded answers, which throw `too-large` too.
 */
export function followEncoded<M extends AnyMachine>(
  machine: M,
  codecs: CodecsOf<M>,
  query: Uint8Array,
  onReady: () => void,
): Following<Uint8Array> {
  const following = followMachine(machine, decodeWith('query', codecs.query, query), onReady)
  return mapFollowing(following, (answer) => checkSize(encodeWith('answer', codecs.answer, answer)))
}

/**
 * The chunks of a snapshot, of which none has been made yet; undefined if the state machine has
 * none. Throws what it throws, and `invalid-machine` for what is not chunks at once.
 */
export function snapshotChunks(machine: AnyMachine): Iterable<Uint8Array> | undefined {
  if (machine.snapshot === undefined || machine.restore === undefined) return undefined
  const chunks: unknown = machine.snapshot()
  refusePromise('snapshot', chunks)
  if (isIterable(chunks)) return chunks
  throw invalidMachine(`snapshot must return an iterable of chunks, not ${shown(chunks)}`)
}

/** Throws for what is no chunk of a snapshot. */
export function checkChunk(chunk: unknown): void {
  if (!isBytes(chunk)) throw invalidMachine(`a chunk of a snapshot must be a Uint8Array, not ${shown(chunk)}`)
  const { length } = chunk
  if (length > 0 && length <= MAX_SNAPSHOT_CHUNK_BYTES) return
  const limit = `1 to ${MAX_SNAPSHOT_CHUNK_BYTES} bytes`
  throw invalidMachine(`a chunk of a snapshot has ${limit}, not ${length}: the state machine must cut it`)
}

/**
 * The bytes of what a caller gave. Throws `invalid-options` where the codec cannot tell it, and
 * what codecs throw on purpose.
 */
export function encodeGiven<T>(name: 'command' | 'query', codec: Codec<T>, value: T): Uint8Array {
  try {
    return encodeWith(name, codec, value)
  } catch (error) {
    if (error instanceof SynodError) throw error
    const what = `the ${name} cannot be encoded: ${errorText(error)}`
    throw new SynodError('invalid-options', what, { cause: error })
  }
}

/** The value of what replicas answered. Throws `wrong-protocol` where the codec cannot read it. */
export function decodeAnswered<T>(
  name: 'command' | 'result' | 'answer',
  codec: Codec<T>,
  bytes: Uint8Array,
): T {
  try {
    return decodeWith(name, codec, bytes)
  } catch (error) {
    if (error instanceof SynodError) throw error
    const what = `the ${name} cannot be decoded: ${errorText(error)}`
    throw new SynodError('wrong-protocol', what, { cause: error, mayHaveExecuted: name === 'result' })
  }
}

/**
 * The bytes of a value. Throws what the codec throws, and `invalid-options` where it gives none.
 */
export function encodeWith<T>(name: keyof Codecs<T, T, T, T>, codec: Codec<T>, value: T): Uint8Array {
  const bytes: unknown = codec.encode(value)
  if (isBytes(bytes)) return bytes
  silence(bytes)
  const what = `codecs.${name}.encode must return a Uint8Array, not ${shown(bytes)}`
  throw new SynodError('invalid-options', what)
}

/**
 * The value of bytes. Throws what the codec throws, and `invalid-options` where it is not done when
 * it returns.
 */
export function decodeWith<T>(name: keyof Codecs<T, T, T, T>, codec: Codec<T>, bytes: Uint8Array): T {
  const value = codec.decode(bytes)
  if (!isThenable(value)) return value
  silence(value)
  throw new SynodError('invalid-options', `codecs.${name}.decode must return a value, not a promise`)
}

/** The message of a thrown value, cut off at `MAX_ERROR_TEXT_BYTES`. */
export function errorText(error: unknown): string {
  const text = textOf(error)
  const bytes = Buffer.from(text.slice(0, MAX_ERROR_TEXT_BYTES))
  if (bytes.length <= MAX_ERROR_TEXT_BYTES) return bytes.toString()
  // Where the cut goes through a character, none of it is left.
  let end = MAX_ERROR_TEXT_BYTES
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}

/** Some errors are no errors, and some cannot even be looked at. */
function textOf(error: unknown): string {
  if (typeof error === 'string') return error
  try {
    const { message } = (error ?? {}) as { message?: unknown }
    return typeof message === 'string' ? message : shown(error)
  } catch {
    return 'something without a message'
  }
}

function refusePromise(method: string, value: unknown): void {
  if (!isThenable(value)) return
  silence(value)
  throw invalidMachine(
    `${method} returned a promise: it must be done when it returns, on every replica alike`,
  )
}

function invalidMachine(message: string): SynodError {
  return new SynodError('invalid-machine', message)
}

/** What a promise rejects with later is of no use to anyone, and must not end the process. */
function silence(value: unknown): void {
  if (isThenable(value)) Promise.resolve(value).catch(() => undefined)
}

function isIterable(value: unknown): value is Iterable<Uint8Array> {
  return typeof (value as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator] === 'function'
}

function checkSize(result: Uint8Array, limitBytes = MAX_RESULT_BYTES): Uint8Array {
  if (result.length <= limitBytes) return result
  throw new SynodError('too-large', `a result has at most ${limitBytes} bytes, not ${result.length}`)
}
