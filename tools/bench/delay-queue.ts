import { type Linked, LinkedList } from 'synod/internal/linked-list.js'

/** What a delay is measured by. A timer may be early. */
export interface Timing {
  now(): number
  timer(delayMs: number, run: () => void): void
}

interface Item extends Linked<Item> {
  readonly dueMs: number
  readonly run: () => void
}

/**
 * Runs what is added after the same delay, in order. One timer is set, for the first, as timers
 * cost far more than this queue; what is added later also runs what is due by then.
 */
export class DelayQueue {
  readonly #timing: Timing
  readonly #delayMs: number
  readonly #items = new LinkedList<Item>()
  #isTimerSet = false

  constructor(timing: Timing, delayMs: number) {
    this.#timing = timing
    this.#delayMs = delayMs
  }

  add(run: () => void): void {
    const nowMs = this.#timing.now()
    this.#items.append({ dueMs: nowMs + this.#delayMs, run, before: undefined, after: undefined })
    this.#runDue(nowMs)
  }

  #runDue(nowMs: number): void {
    const items = this.#items
    for (let { first } = items; first !== undefined && first.dueMs <= nowMs; first = items.first) {
      items.remove(first)
      first.run()
    }
    if (items.first === undefined || this.#isTimerSet) return
    this.#isTimerSet = true
    this.#timing.timer(items.first.dueMs - nowMs, () => {
      this.#isTimerSet = false
      this.#runDue(this.#timing.now())
    })
  }
}
