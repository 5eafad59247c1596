import type { Clock } from '../../clock.js'

/**
 * One turn of the event loop does this much work for clients: in units, of which a message costs
 * one.
 */
export const MAX_TURN_UNITS = 512

/** Bytes that arrive or leave cost time as messages do: this many as one message. */
export const BYTES_PER_UNIT = 128

/** Nor does a turn go on for longer than this, however slow the machine is. */
export const MAX_TURN_MS = 1

/**
 * Shares the turns of the event loop among all that have more to do than fits into one: new work
 * goes before work that had a share lately, so a client with little work waits one turn. (Fair
 * queueing: T. Høiland-Jørgensen et al., RFC 8290.)
 */
export class Turns {
  readonly #clock: Clock
  readonly #modest: (() => void)[] = []
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
  get hasBudget(): boolean {
    if (!this.#isArmed) return true
    return this.#units < MAX_TURN_UNITS && this.#clock.now() - this.#beganMs < MAX_TURN_MS
  }

  /** Whether others wait, who come first. */
  get isQueued(): boolean {
    return this.#modest.length + this.#more.length > 0
  }

  /** This turn has done this much work. */
  spend(units: number): void {
    this.#arm()
    this.#units += units
  }

  /**
   * Calls `run` in a later turn, after all of its kind who have asked before; what it does is to be
   * told by `spend`.
   */
  later(run: () => void, kind: 'modest' | 'more'): void {
    this.#arm()
    const queue = kind === 'modest' ? this.#modest : this.#more
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

  /** What arrived in this turn has been dealt with: the next one begins with the waiting flows. */
  #turn(): void {
    this.#number++
    this.#units = 0
    this.#isArmed = false
    if (!this.isQueued) return
    this.#arm()
    this.#serve(this.#modest)
    // Many who ask for little each must not keep the others waiting for ever.
    this.#serve(this.#more, 1)
  }

  /** Serves the flows that wait now, as far as there is room, and at least this many of them. */
  #serve(queue: (() => void)[], atLeast = 0): void {
    const waiting = queue.length
    for (let served = 0; served < waiting && (this.hasBudget || served < atLeast); served++) queue.shift()?.()
  }
}
