import { ServicePace, overloaded } from '../service-pace.js'

/** The owner of what this process asks for itself: all the room is there for it. */
export const OWN_PROCESS: object = {}

/** At least this many may wait of one owner, however little room is left. */
const MIN_SHARE = 16

/** How many items of an owner wait. */
interface Share {
  waiting: number
}

/**
 * A limit on the items that wait, and on their bytes. Owners share it: an owner is refused when it
 * has at least as many items as there are free places. Otherwise, owners that take all of it would
 * keep the others out.
 */
export class Capacity {
  readonly #noun: string
  readonly #limit: number
  readonly #limitBytes: number
  readonly #pace = new ServicePace()
  readonly #shares = new WeakMap<object, Share>()
  #size = 0
  #bytes = 0

  /** `noun` is what they are called where too many wait: `requests`, say. */
  constructor(noun: string, limit: number, limitBytes: number) {
    this.#noun = noun
    this.#limit = limit
    this.#limitBytes = limitBytes
  }

  get size(): number {
    return this.#size
  }

  /**
   * Throws `overloaded`, which says when to try again, if there is no room for one more item of
   * this many bytes.
   */
  check(owner: object, bytes: number, nowMs: number): void {
    const left = this.#limit - this.#size
    if ((owner === OWN_PROCESS && left <= 0) || this.#bytes + bytes > this.#limitBytes)
      throw this.overloaded(`${this.#size} ${this.#noun} of ${this.#bytes} bytes wait already`, nowMs)
    const its = this.#shares.get(owner)?.waiting ?? 0
    if (owner !== OWN_PROCESS && its >= Math.max(MIN_SHARE, left))
      throw this.overloaded(`${its} ${this.#noun} of this client wait already`, nowMs)
  }

  enter(owner: object, bytes: number, nowMs: number): void {
    const share = this.#shares.get(owner)
    if (share === undefined) this.#shares.set(owner, { waiting: 1 })
    else share.waiting++
    if (this.#size++ === 0) this.#pace.begin(nowMs)
    this.#bytes += bytes
  }

  leave(owner: object, bytes: number): void {
    const share = this.#shares.get(owner)
    if (share !== undefined) share.waiting--
    this.#size--
    this.#bytes -= bytes
  }

  /** A request that has left was dealt with. */
  done(nowMs: number): void {
    this.#pace.done(1, this.#size, nowMs)
  }

  overloaded(what: string, nowMs: number) {
    return overloaded(what, this.#pace.retryAfterMs(this.#size, nowMs))
  }
}
