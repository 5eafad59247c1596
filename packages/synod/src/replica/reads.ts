import { SynodError } from '../errors.js'
import { Pace, overloaded } from '../pace.js'
import type { Slot } from '../paxos/ballot.js'
import type { ReadableAt } from '../paxos/effects.js'

/** More bytes of queries do not wait here: further reads are refused as `overloaded`. */
export const MAX_QUERY_BYTES = 64 << 20

/** Is told what came of a read: the encoded answer, or why there is none. */
export type Done = (answer: Uint8Array | SynodError) => void

/** What the reads of a replica need of it. */
export interface ReadsParts {
  /** More reads than this do not wait here: further ones are refused as `overloaded`. */
  readonly limit: number
  readonly now: () => number
  /** The executed bar. */
  readonly executed: () => Slot
  /** Answers an encoded query from the state as it is. Throws what the state machine throws. */
  readonly query: (query: Uint8Array) => Uint8Array
  /** Nobody waits for this linearizable read any more. */
  readonly withdraw: (id: number) => void
}

interface Read {
  readonly query: Uint8Array
  readonly done: Done
}

/**
 * The reads that wait at this replica. The linearizable ones wait for a quorum to name the slot that they must see
 * executed, and then for that slot to be executed; the stale ones only for the slot that they name themselves.
 */
export class Reads {
  readonly #parts: ReadsParts
  readonly #pace = new Pace()
  /** Linearizable ones that came in this turn. */
  readonly #new = new Set<number>()
  readonly #unconfirmed = new Map<number, Read>()
  readonly #confirmed = new Map<number, Read & { readonly slot: Slot }>()
  /** Of all queries that wait. */
  #bytes = 0
  /** No confirmed read waits for a slot before this one. */
  #next: Slot = Infinity
  #nextId = 1

  constructor(parts: ReadsParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#unconfirmed.size + this.#confirmed.size
  }

  /** `done` is called once, in a later turn. Throws `overloaded`. Returns what gives up on the read. */
  linearizable(query: Uint8Array, done: Done): () => void {
    const id = this.#admit(query)
    this.#unconfirmed.set(id, { query, done })
    this.#new.add(id)
    return () => {
      this.#giveUp(id)
      // What the core has not been told of, it need not be told to forget.
      if (!this.#new.delete(id)) this.#parts.withdraw(id)
    }
  }

  /** `done` is called once, and at once if it can be. Throws `overloaded`. Returns what gives up on the read. */
  stale(query: Uint8Array, atLeast: Slot, done: Done): () => void {
    if (atLeast <= this.#parts.executed()) {
      this.#answer({ query, done })
      return () => undefined
    }
    const id = this.#admit(query)
    this.#wait(id, { query, done }, atLeast)
    return () => {
      this.#giveUp(id)
    }
  }

  /** The linearizable reads of this turn, for which a quorum is to be asked. */
  takeNew(): readonly number[] {
    const ids = [...this.#new]
    this.#new.clear()
    return ids
  }

  /** A quorum has answered. */
  confirm({ id, slot }: ReadableAt): void {
    const read = this.#unconfirmed.get(id)
    if (read === undefined) return
    this.#unconfirmed.delete(id)
    if (slot <= this.#parts.executed()) this.#end(read)
    else this.#wait(id, read, slot)
  }

  /** Further slots have been executed. */
  executed(): void {
    const executed = this.#parts.executed()
    if (executed < this.#next) return
    this.#next = Infinity
    for (const [id, read] of this.#confirmed) {
      if (read.slot > executed) {
        this.#next = Math.min(this.#next, read.slot)
      } else {
        this.#confirmed.delete(id)
        this.#end(read)
      }
    }
  }

  /** Returns the id of a read that may wait. Throws `overloaded`. */
  #admit(query: Uint8Array): number {
    if (this.size >= this.#parts.limit || this.#bytes + query.length > MAX_QUERY_BYTES) {
      const what = `${this.size} reads of ${this.#bytes} bytes wait already`
      throw overloaded(what, this.#pace.retryAfter_ms(this.size, this.#parts.now()))
    }
    if (this.size === 0) this.#pace.begin(this.#parts.now())
    this.#bytes += query.length
    return this.#nextId++
  }

  #wait(id: number, read: Read, slot: Slot): void {
    this.#confirmed.set(id, { ...read, slot })
    this.#next = Math.min(this.#next, slot)
  }

  #giveUp(id: number): void {
    const read = this.#unconfirmed.get(id) ?? this.#confirmed.get(id)
    if (read === undefined) return
    this.#unconfirmed.delete(id)
    this.#confirmed.delete(id)
    this.#bytes -= read.query.length
  }

  /** It waits no more. */
  #end(read: Read): void {
    this.#bytes -= read.query.length
    this.#pace.done(1, this.size, this.#parts.now())
    this.#answer(read)
  }

  #answer({ done, query }: Read): void {
    let answer: Uint8Array | SynodError
    try {
      answer = this.#parts.query(query)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      answer =
        error instanceof SynodError ? error : new SynodError('command-failed', message, { cause: error })
    }
    done(answer)
  }
}
