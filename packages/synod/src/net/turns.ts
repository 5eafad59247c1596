import type { Clock } from '../clock.js'

/** One turn of the event loop does this much work for clients: in units, of which a message costs one. */
export const MAX_TURN_UNITS = 1024

/** Nor does it go on for longer than this, whatever a unit takes on this machine. */
export const MAX_TURN_MS = 2

/**
 * Shares the turns of the event loop among all who have more to do than fits into one. They wait in a queue, so that one who asks
 * for much has those who ask for little wait for one share of it at most.
 */
export class Turns {
  readonly #clock: Clock
  readonly #queue: (() => void)[] = []
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
    return this.#queue.length > 0
  }

  /** This turn has done so much. */
  spend(units: number): void {
    this.#arm()
    this.#units += units
  }

  /** Calls `run` in a later turn, after all who have asked before. What it does is to be told by `spend`. */
  later(run: () => void): void {
    this.#arm()
    this.#queue.push(run)
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
    let waiting = this.#queue.length
    if (waiting === 0) return
    this.#arm()
    for (; waiting > 0 && this.hasRoom; waiting--) this.#queue.shift()?.()
  }
}
