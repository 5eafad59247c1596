import type { Clock } from '../clock.js'

/** One turn of the event loop does this much work for clients: in units, of which a message costs one. */
export const MAX_TURN_UNITS = 1024

/** Nor does it go on for longer than this, whatever a unit takes on this machine. */
export const MAX_TURN_MS = 2

/**
 * Shares the turns of the event loop among all who have more to do than fits into one. They wait in queues: first those who have
 * something new, then those who had a share already and have more. So one who asks for little waits for a turn, whatever others ask for.
 * (As in fair queueing: T. Høiland-Jørgensen et al., RFC 8290, of new and old flows.)
 */
export class Turns {
  readonly #clock: Clock
  readonly #fresh: (() => void)[] = []
  readonly #more: (() => void)[] = []
  #units = 0
  #beganMs = 0
  #isArmed = false
  #number = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counts the turns in which there was anything to do. */
  get number(): number {
    return this.#number
  }

  /** Whether this turn may do more. */
  get hasRoom(): boolean {
    if (!this.#isArmed) return true
    return this.#units < MAX_TURN_UNITS && this.#clock.now() - this.#beganMs < MAX_TURN_MS
  }

  /** Whether others wait, who come first. */
  get isQueued(): boolean {
    return this.#fresh.length + this.#more.length > 0
  }

  /** This turn has done so much. */
  spend(units: number): void {
    this.#arm()
    this.#units += units
  }

  /** Calls `run` in a later turn, after all of its kind who have asked before; what it does is to be told by `spend`. */
  later(run: () => void, kind: 'fresh' | 'more' = 'more'): void {
    this.#arm()
    const queue = kind === 'fresh' ? this.#fresh : this.#more
    queue.push(run)
  }

  #arm(): void {
    if (this.#isArmed) return
    this.#isArmed = true
    this.#beganMs = this.#clock.now()
    this.#clock.soon(() => {
      this.#turn()
    })
  }

  /** What arrived in this turn has been dealt with: the next one begins with those who wait. */
  #turn(): void {
    this.#number++
    this.#units = 0
    this.#isArmed = false
    if (!this.isQueued) return
    this.#arm()
    this.#serve(this.#fresh)
    this.#serve(this.#more)
  }

  /** Those who wait now, as far as there is room. */
  #serve(queue: (() => void)[]): void {
    for (let waiting = queue.length; waiting > 0 && this.hasRoom; waiting--) queue.shift()?.()
  }
}
