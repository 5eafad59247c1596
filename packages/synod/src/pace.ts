import { SynodError } from './errors.js'

/**
 * No caller is told to try again sooner than this: all that came in one turn would be back in the
 * next.
 */
export const MIN_RETRY_MS = 10

/** Nor later: what stands still now (there is no leader, say) may go on at any time. */
export const MAX_RETRY_MS = 5000

/** Lately: the last one or two of these in which anything waited. */
const PERIOD_MS = 1000

/**
 * It is time to try again when this part of what waits is done: not all, or the queue would run
 * dry.
 */
const SHARE = 0.5

/**
 * How fast things that wait have been done lately, and by that when there is room for more. Time in
 * which nothing waits does not count: it says nothing of how fast things would be done.
 */
export class Pace {
  /** Something waits. */
  #isBusy = false
  /** When that was last found to be so or not, and for how long it has been so until then. */
  #changed_ms = 0
  #busy_ms = 0
  /**
   * When the present period began, by the time that counts; how much was done since, and in the
   * period before.
   */
  #since_ms = 0
  #done = 0
  #before: number | undefined

  /** Something has begun to wait. */
  begin(now_ms: number): void {
    if (!this.#isBusy) this.#changed_ms = now_ms
    this.#isBusy = true
  }

  /** This many are done, and this many are left. */
  done(count: number, left: number, now_ms: number): void {
    this.#turn(now_ms)
    this.#done += count
    if (left > 0) return
    this.#busy_ms = this.#busyUntil(now_ms)
    this.#isBusy = false
  }

  /**
   * When half of what waits will be done if it goes on like this, within `MIN_RETRY_MS` and
   * `MAX_RETRY_MS`; after a period where nothing is known yet.
   */
  retryAfter_ms(waiting: number, now_ms: number): number {
    this.#turn(now_ms)
    const done = this.#done + (this.#before ?? 0)
    if (done === 0) return this.#before === undefined ? PERIOD_MS : MAX_RETRY_MS
    const lately_ms = this.#busyUntil(now_ms) - this.#since_ms + (this.#before === undefined ? 0 : PERIOD_MS)
    const wait_ms = (SHARE * waiting * lately_ms) / done
    return Math.ceil(Math.min(Math.max(wait_ms, MIN_RETRY_MS), MAX_RETRY_MS))
  }

  #busyUntil(now_ms: number): number {
    return this.#isBusy ? this.#busy_ms + now_ms - this.#changed_ms : this.#busy_ms
  }

  /** Begins the next period if it is time. */
  #turn(now_ms: number): void {
    const periods = Math.floor((this.#busyUntil(now_ms) - this.#since_ms) / PERIOD_MS)
    if (periods < 1) return
    this.#before = periods === 1 ? this.#done : 0
    this.#done = 0
    this.#since_ms += periods * PERIOD_MS
  }
}

/** `what` says of what there is too much. */
export function overloaded(what: string, retryAfter_ms: number): SynodError {
  return new SynodError('overloaded', `${what}: try again in ${retryAfter_ms} ms`, { retryAfter_ms })
}
