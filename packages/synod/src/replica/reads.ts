import { SynodError } from '../errors.js'
import { messageOf } from '../machine/contract.js'
import { Pace, overloaded } from '../pace.js'
import type { Slot } from '../paxos/ballot.js'
import type { ReadableAt } from '../paxos/effects.js'

/** More bytes of queries do not wait here: further reads are refused as `overloaded`. */
export const MAX_QUERY_BYTES = 64 << 20

/** So many linearizable reads are answered in one turn of the event loop; the others in the next ones. */
export const MAX_ANSWERS_PER_TURN = 512

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
  /** Calls `run` in the next turn of the event loop, whose end must then come. */
  readonly nextTurn: (run: () => void) => void
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
  /** Those that may be answered, with the slot that each was confirmed for, as far as this turn has not done so. */
  readonly #readable = new Map<Read, Slot>()
  /** How many were answered in this turn; undefined before the first. */
  #answered: number | undefined
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
      if (this.#confirmed.delete(read) || this.#readable.delete(read)) this.#leave(read)
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
      if (this.#confirmed.delete(read) || this.#readable.delete(read)) this.#leave(read)
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
    const group = this.#unconfirmed.get(id)
    if (group === undefined) return
    this.#unconfirmed.delete(id)
    for (const read of group.reads) this.#readable.set(read, slot)
    group.reads.clear()
    this.#answerSome()
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
        this.#readable.set(read, slot)
      }
    }
    this.#answerSome()
  }

  /** By then the state may be one that must not be read. */
  #answerSome(): void {
    for (const [read, slot] of this.#readable) {
      const answered = this.#answered ?? this.#beginTurn()
      if (answered >= MAX_ANSWERS_PER_TURN) return
      this.#readable.delete(read)
      if (slot > this.#parts.executed()) {
        this.#wait(read, slot)
      } else {
        this.#answered = answered + 1
        this.#end(read)
      }
    }
  }

  #beginTurn(): number {
    this.#parts.nextTurn(() => {
      this.#answered = undefined
      this.#answerSome()
    })
    return (this.#answered = 0)
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
