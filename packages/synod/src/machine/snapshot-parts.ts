import { MalformedError } from '../bytes/reader.js'
import { checkChunk } from './contract.js'

/**
 * A piece of a snapshot: what there is besides the state, first; then the sessions; then the chunks
 * of the state machine.
 */
export interface SnapshotPart {
  readonly kind: 'meta' | 'sessions' | 'state'
  readonly bytes: Uint8Array
}

/**
 * Takes the first piece at once: a generator does nothing before that, and would look at a state
 * that is a later one by then; nor would it do anything at its end.
 */
export function startEagerly<T>(pieces: Iterable<T>): IterableIterator<T> {
  const iterator = pieces[Symbol.iterator]()
  let first: IteratorResult<T> | undefined = iterator.next()
  return {
    next() {
      const next = first ?? iterator.next()
      first = undefined
      return next
    },
    return() {
      first = undefined
      iterator.return?.()
      return { done: true, value: undefined }
    },
    [Symbol.iterator]() {
      return this
    },
  }
}

/** The parts of a snapshot in their order, made one by one. */
export function* partsOf(
  meta: Uint8Array,
  sessions: IterableIterator<Uint8Array>,
  chunks: IterableIterator<Uint8Array>,
): Generator<SnapshotPart, void, undefined> {
  try {
    yield { kind: 'meta', bytes: meta }
    for (const bytes of sessions) yield { kind: 'sessions', bytes }
    for (const bytes of chunks) {
      checkChunk(bytes)
      yield { kind: 'state', bytes }
    }
  } finally {
    sessions.return?.()
    chunks.return?.()
  }
}

/** The chunks of the state machine among the parts of a snapshot. */
export class StateChunks implements AsyncIterable<Uint8Array> {
  #next: IteratorResult<SnapshotPart> | undefined
  readonly #source: AsyncIterator<SnapshotPart>
  isRead = false

  constructor(next: IteratorResult<SnapshotPart>, source: AsyncIterator<SnapshotPart>) {
    this.#next = next
    this.#source = source
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const next = this.#next ?? (await this.#source.next())
      this.#next = undefined
      if (next.done === true) break
      const { bytes, kind } = next.value
      if (kind !== 'state') throw new MalformedError(`a part of kind ${kind} among the state`)
      yield bytes
    }
    this.isRead = true
  }
}
