import type { Budget } from '../net/budget.js'
import { MAX_HELD_AT_ALL_BYTES } from '../net/intake.js'
import { SynodError } from '../errors.js'
import { overloaded } from '../pace.js'

/** What clients have left unread is counted no more often than this: there may be thousands of them. */
const COUNT_EVERY_MS = 10

/** A client that is refused is to try again after this time: what is held goes as fast as clients read. */
const RETRY_AFTER_MS = 100

/** A client, as it reads what was said to it. */
export interface Reader {
  readonly connection: {
    readonly unsent_bytes: number
    end(error: SynodError): void
  }
  /** What it has not read, as the budget was told. */
  held_bytes: number
}

/** What was said to clients and has not been handed to the system, as part of what is held for them. */
export class Unread {
  readonly #budget: Budget
  readonly #now: () => number
  /** Those of whom the budget was told. */
  readonly #readers = new Set<Reader>()
  #counted_ms = -Infinity

  constructor(budget: Budget, now: () => number) {
    this.#budget = budget
    this.#now = now
  }

  /** Something was said to it, or it may have read something. */
  settle(reader: Reader): void {
    this.#count(reader)
    if (this.#budget.heldBytes > MAX_HELD_AT_ALL_BYTES) this.#endLargest()
  }

  /** It is gone. */
  forget(reader: Reader): void {
    if (!this.#readers.delete(reader)) return
    this.#budget.release(reader.held_bytes)
    reader.held_bytes = 0
  }

  /** Throws `overloaded` if too much is held for clients to take in more. */
  check(): void {
    if (!this.#budget.isFull()) return
    this.#recount()
    if (!this.#budget.isFull()) return
    throw overloaded(`${this.#budget.heldBytes} bytes are held for clients`, RETRY_AFTER_MS)
  }

  #count(reader: Reader): void {
    const { unsent_bytes } = reader.connection
    if (unsent_bytes === reader.held_bytes) return
    this.#budget.release(reader.held_bytes)
    this.#budget.hold(unsent_bytes)
    reader.held_bytes = unsent_bytes
    if (unsent_bytes === 0) this.#readers.delete(reader)
    else this.#readers.add(reader)
  }

  /** Few bytes may be gone without a word. */
  #recount(): void {
    const now_ms = this.#now()
    if (now_ms - this.#counted_ms < COUNT_EVERY_MS) return
    this.#counted_ms = now_ms
    for (const reader of this.#readers) this.#count(reader)
  }

  #endLargest(): void {
    this.#recount()
    let largest: Reader | undefined
    for (const reader of this.#readers)
      if (largest === undefined || reader.held_bytes > largest.held_bytes) largest = reader
    if (largest === undefined) return
    const { connection, held_bytes } = largest
    this.forget(largest)
    connection.end(
      new SynodError(
        'overloaded',
        `the client has left ${held_bytes} bytes unread, and all of them too much`,
      ),
    )
  }
}
