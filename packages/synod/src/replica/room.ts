import { Pace, overloaded } from '../pace.js'

/** The owner of what this process asks for itself: all the room is there for it. */
export const OWN_PROCESS: object = {}

/** At least this many may wait of one owner, however little room is left. */
const MIN_SHARE = 16

/**
 * Room for items that wait, with a limit of their number and of their bytes. Owners share it: an
 * owner that has as many waiting as there is room left is refused, and one that has few is not.
 * Else those that take all the room would keep the others out.
 */
export class Room {
  readonly #noun: string
  readonly #limit: number
  readonly #limit_bytes: number
  readonly #pace = new Pace()
  /** How many wait of each owner. */
  readonly #shares = new Map<object, number>()
  #size = 0
  #bytes = 0

  /** `noun` is what they are called where too many wait: `requests`, say. */
  constructor(noun: string, limit: number, limit_bytes: number) {
    this.#noun = noun
    this.#limit = limit
    this.#limit_bytes = limit_bytes
  }

  get size(): number {
    return this.#size
  }

  /**
   * Throws `overloaded`, which says when to try again, if there is no room for one more item of
   * this many bytes.
   */
  check(owner: object, bytes: number, now_ms: number): void {
    const left = this.#limit - this.#size
    if ((owner === OWN_PROCESS && left <= 0) || this.#bytes + bytes > this.#limit_bytes)
      throw this.overloaded(`${this.#size} ${this.#noun} of ${this.#bytes} bytes wait already`, now_ms)
    const its = this.#shares.get(owner) ?? 0
    if (owner !== OWN_PROCESS && its >= Math.max(MIN_SHARE, left))
      throw this.overloaded(`${its} ${this.#noun} of this client wait already`, now_ms)
  }

  enter(owner: object, bytes: number, now_ms: number): void {
    this.#shares.set(owner, (this.#shares.get(owner) ?? 0) + 1)
    if (this.#size++ === 0) this.#pace.begin(now_ms)
    this.#bytes += bytes
  }

  leave(owner: object, bytes: number): void {
    const share = this.#shares.get(owner) ?? 0
    if (share > 1) this.#shares.set(owner, share - 1)
    else this.#shares.delete(owner)
    this.#size--
    this.#bytes -= bytes
  }

  /** One of those that have left was dealt with. */
  done(now_ms: number): void {
    this.#pace.done(1, this.#size, now_ms)
  }

  overloaded(what: string, now_ms: number) {
    return overloaded(what, this.#pace.retryAfter_ms(this.#size, now_ms))
  }
}
