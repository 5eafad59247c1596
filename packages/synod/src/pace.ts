import { SynodError } from './errors.js'

/** Nobody is told to try again sooner than this: all that came in one turn would be back in the next. */
export const MIN_RETRY_MS = 10

/** Nor later: what stands still now (there is no leader, say) may go on at any time. */
export const MAX_RETRY_MS = 5000

/** Lately: the last one or two of these. */
const PERIOD_MS = 1000

/** It is time to try again when so much of what waits is done: not all, or the queue would run dry. */
const SHARE = 0.5

/** How fast things that wait have been done lately, and by that when there is room for more. */
export class Pace {
  #since_ms = -Infinity
  #done = 0
  /** In the period before. */
  #doneBefore = 0

  done(count: number, now_ms: number): void {
    this.#turn(now_ms)
    this.#done += count
  }

  /** When half of what waits will be done if it goes on like this, within `MIN_RETRY_MS` and `MAX_RETRY_MS`. */
  retryAfter_ms(waiting: number, now_ms: number): number {
    this.#turn(now_ms)
    const lately_ms = PERIOD_MS + now_ms - this.#since_ms
    const wait_ms = (SHARE * waiting * lately_ms) / (this.#doneBefore + this.#done)
    // Nothing was done lately, or it was never begun.
    if (!Number.isFinite(wait_ms)) return MAX_RETRY_MS
    return Math.ceil(Math.min(Math.max(wait_ms, MIN_RETRY_MS), MAX_RETRY_MS))
  }

  /** Begins the next period if it is time. */
  #turn(now_ms: number): void {
    const periods = Math.floor((now_ms - this.#since_ms) / PERIOD_MS)
    if (periods < 1) return
    this.#doneBefore = periods === 1 ? this.#done : 0
    this.#done = 0
    this.#since_ms = periods === 1 ? this.#since_ms + PERIOD_MS : now_ms
  }
}

/** `what` says of what there is too much. */
export function overloaded(what: string, retryAfter_ms: number): SynodError {
  return new SynodError('overloaded', `${what}: try again in ${retryAfter_ms} ms`, { retryAfter_ms })
}
