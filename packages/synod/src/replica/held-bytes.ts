import { SynodError } from '../errors.js'
import type { Budget } from '../net/transport/budget.js'
import { MAX_HELD_AT_ALL_BYTES, MAX_HELD_BYTES } from '../net/transport/client-load.js'
import { overloaded } from '../service-pace.js'

/**
 * A client for which less than this is held is never refused because of others. The number falls as
 * clients grow.
 */
export const SMALL_BYTES = 256 * 1024

/** All who hold so little together. */
const MAX_SMALL_BYTES = MAX_HELD_AT_ALL_BYTES - MAX_HELD_BYTES

/**
 * What clients have left unread is counted no more often than this: there may be thousands of them.
 */
const COUNT_EVERY_MS = 10

/**
 * A client that is refused is to try again after this time: what is held goes as fast as clients
 * read.
 */
const RETRY_AFTER_MS = 100

/** A client, as far as something is held for it. */
export interface Holder {
  readonly connection: {
    readonly unsentBytes: number
    end(error: SynodError): void
  }
  /**
   * What it has asked for and has no answer to, and what it has not read, as the budget was told.
   */
  askedBytes: number
  unreadBytes: number
}

/** What is held for clients from their requests on until they have read the answers. */
export class HeldBytes {
  readonly #budget: Budget
  readonly #now: () => number
  readonly #clients: () => number
  /** Clients that have something unread, as far as the budget was told. */
  readonly #unread = new Set<Holder>()
  #countedMs = -Infinity

  /** `clients` tells how many there are. */
  constructor(budget: Budget, now: () => number, clients: () => number) {
    this.#budget = budget
    this.#now = now
    this.#clients = clients
  }

  /**
   * The client has asked for something that takes this many bytes, with all that is kept along with
   * it.
   */
  ask(holder: Holder, bytes: number): void {
    holder.askedBytes += bytes
    this.#budget.hold(bytes)
  }

  /** It waits for that no more. */
  answer(holder: Holder, bytes: number): void {
    holder.askedBytes -= bytes
    this.#budget.release(bytes)
  }

  /** Something was said to it, or it may have read something. */
  settle(holder: Holder): void {
    this.#count(holder)
    if (this.#budget.heldBytes > MAX_HELD_AT_ALL_BYTES) this.#endLargest()
  }

  /** Its connection is over. */
  forget(holder: Holder): void {
    this.#unread.delete(holder)
    this.#budget.release(holder.unreadBytes)
    holder.unreadBytes = 0
  }

  /** Throws `overloaded` if too much is held to hold this many bytes more for this client. */
  check(holder: Holder, bytes: number): void {
    if (!this.#budget.isFull()) return
    this.#recount()
    if (!this.#budget.isFull()) return
    const smallBytes = Math.min(SMALL_BYTES, MAX_SMALL_BYTES / Math.max(1, this.#clients()))
    if (holder.askedBytes + holder.unreadBytes + bytes < smallBytes) return
    throw overloaded(`${this.#budget.heldBytes} bytes are held for clients`, RETRY_AFTER_MS)
  }

  #count(holder: Holder): void {
    const { unsentBytes } = holder.connection
    if (unsentBytes === holder.unreadBytes) return
    this.#budget.release(holder.unreadBytes)
    this.#budget.hold(unsentBytes)
    holder.unreadBytes = unsentBytes
    if (unsentBytes === 0) this.#unread.delete(holder)
    else this.#unread.add(holder)
  }

  /** Few bytes may be gone without a word. */
  #recount(): void {
    const nowMs = this.#now()
    if (nowMs - this.#countedMs < COUNT_EVERY_MS) return
    this.#countedMs = nowMs
    for (const holder of this.#unread) this.#count(holder)
  }

  #endLargest(): void {
    this.#recount()
    let largest: Holder | undefined
    for (const holder of this.#unread)
      if (largest === undefined || holder.unreadBytes > largest.unreadBytes) largest = holder
    if (largest === undefined) return
    const { connection, unreadBytes } = largest
    this.forget(largest)
    connection.end(
      new SynodError('overloaded', `${unreadBytes} bytes are unread here, and too many of all clients`),
    )
  }
}
