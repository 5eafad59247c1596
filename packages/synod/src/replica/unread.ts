import { Pace, overloaded } from '../pace.js'

/** So much may be on its way to all clients together. Each alone may leave more unread than its share of that. */
export const MAX_UNREAD_BYTES = 256 << 20

/** What all clients have left unread is counted no more often than this: there may be thousands of them. */
const COUNT_EVERY_MS = 10

/**
 * How much has been said to clients that they have not read. What is said is added up; what they have read meanwhile is found out only
 * when there seems to be too much.
 */
export class Unread {
  readonly #now: () => number
  /** Counts the bytes that were said and have not been handed to the system. */
  readonly #count: () => number
  readonly #pace = new Pace()
  #bytes = 0
  #counted_ms = -Infinity

  constructor(now: () => number, count: () => number) {
    this.#now = now
    this.#count = count
  }

  said(bytes: number): void {
    this.#bytes += bytes
  }

  /** Throws `overloaded` if there is too much. */
  check(): void {
    if (this.#bytes <= MAX_UNREAD_BYTES) return
    const now_ms = this.#now()
    if (now_ms - this.#counted_ms >= COUNT_EVERY_MS) this.#recount(now_ms)
    if (this.#bytes <= MAX_UNREAD_BYTES) return
    const what = `clients have left ${this.#bytes} bytes of answers unread`
    throw overloaded(what, this.#pace.retryAfter_ms(this.#bytes, now_ms))
  }

  #recount(now_ms: number): void {
    const bytes = this.#count()
    this.#pace.begin(now_ms)
    this.#pace.done(Math.max(0, this.#bytes - bytes), bytes, now_ms)
    this.#bytes = bytes
    this.#counted_ms = now_ms
  }
}
