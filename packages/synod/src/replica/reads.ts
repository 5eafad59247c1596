import { SynodError } from '../errors.js'
import { messageOf } from '../machine/contract.js'
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

/** Linearizable reads that came in one turn: to the core they are one, so that thousands are begun, and given up on, as fast. */
interface Group {
  readonly id: number
  readonly reads: Set<Read>
}

/**
 * The reads that wait at this replica. The linearizable ones wait for a quorum to name the slot that they must see
 * executed, and then for that slot to be executed; the stale ones only for the slot that they name themselves.
 */
export class Reads {
  readonly #parts: ReadsParts
  readonly #pace = new Pace()
  /** The group of this turn. */
  #new: Group | undefined
  readonly #unconfirmed = new Map<number, Group>()
  /** By the slot that each waits for. */
  readonly #confirmed = new Map<Read, Slot>()
  /** Of all that wait, and of their queries. */
  #size = 0
  #bytes = 0
  /** No confirmed read waits for a slot before this one. */
  #next: Slot = Infinity
  #nextId = 1

  constructor(parts: ReadsParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#size
  }

  /** `done` is called once, in a later turn. Throws `overloaded`. Returns what gives up on the read. */
  linearizable(query: Uint8Array, done: Done): () => void {
    const read = this.#admit(query, done)
    const group = (this.#new ??= { id: this.#nextId++, reads: new Set() })
    group.reads.add(read)
    return () => {
      if (this.#confirmed.delete(read)) this.#leave(read)
      else if (group.reads.delete(read)) {
        this.#leave(read)
        // What the core has not been told of, it need not be told to forget.
        if (group.reads.size === 0 && this.#unconfirmed.delete(group.id)) this.#parts.withdraw(group.id)
      }
    }
  }

  /** `done` is called once, and at once if it can be. Throws `overloaded`. Returns what gives up on the read. */
  stale(query: Uint8Array, atLeast: Slot, done: Done): () => void {
    if (atLeast <= this.#parts.executed()) {
      this.#answer({ query, done })
      return () => undefined
    }
    const read = this.#admit(query, done)
    this.#wait(read, atLeast)
    return () => {
      if (this.#confirmed.delete(read)) this.#leave(read)
    }
  }

  /** What the core is to ask a quorum for, on behalf of the linearizable reads of this turn. */
  takeNew(): number | undefined {
    const group = this.#new
    this.#new = undefined
    if (group === undefined || group.reads.size === 0) return undefined
    this.#unconfirmed.set(group.id, group)
    return group.id
  }

  /** A quorum has answered. */
  confirm({ id, slot }: ReadableAt): void {
    const { reads = [] } = this.#unconfirmed.get(id) ?? {}
    this.#unconfirmed.delete(id)
    for (const read of reads) {
      if (slot <= this.#parts.executed()) this.#end(read)
      else this.#wait(read, slot)
    }
  }

  /** Further slots have been executed. */
  executed(): void {
    const executed = this.#parts.executed()
    if (executed < this.#next) return
    this.#next = Infinity
    for (const [read, slot] of this.#confirmed) {
      if (slot > executed) {
        this.#next = Math.min(this.#next, slot)
      } else {
        this.#confirmed.delete(read)
        this.#end(read)
      }
    }
  }

  /** Returns a read that may wait. Throws `overloaded`. */
  #admit(query: Uint8Array, done: Done): Read {
    if (this.#size >= this.#parts.limit || this.#bytes + query.length > MAX_QUERY_BYTES) {
      const what = `${this.#size} reads of ${this.#bytes} bytes wait already`
      throw overloaded(what, this.#pace.retryAfter_ms(this.#size, this.#parts.now()))
    }
    if (this.#size++ === 0) this.#pace.begin(this.#parts.now())
    this.#bytes += query.length
    return { query, done }
  }

  #wait(read: Read, slot: Slot): void {
    this.#confirmed.set(read, slot)
    this.#next = Math.min(this.#next, slot)
  }

  /** It waits no more. */
  #leave(read: Read): void {
    this.#size--
    this.#bytes -= read.query.length
  }

  #end(read: Read): void {
    this.#leave(read)
    this.#pace.done(1, this.#size, this.#parts.now())
    this.#answer(read)
  }

  #answer({ done, query }: Read): void {
    let answer: Uint8Array | SynodError
    try {
      answer = this.#parts.query(query)
    } catch (error) {
      answer =
        error instanceof SynodError
          ? error
          : new SynodError('command-failed', messageOf(error), { cause: error })
    }
    done(answer)
  }
}
