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
export class ServicePace {
  /** Something waits. */
  #isBusy = false
  /** When that was last found to be so or not, and for how long it has been so until then. */
  #changedMs = 0
  #busyMs = 0
  /**
   * When the present period began, by the time that counts; how much was done since, and in the
   * period before.
   */
  #sinceMs = 0
  #done = 0
  #before: number | undefined

  /** Something has begun to wait. */
  begin(nowMs: number): void {
    if (!this.#isBusy) this.#changedMs = nowMs
    this.#isBusy = true
  }

  /** This many are done, and this many are left. */
  done(count: number, left: number, nowMs: number): void {
    this.#turn(nowMs)
    this.#done += count
    if (left > 0) return
    this.#busyMs = this.#busyUntil(nowMs)
    this.#isBusy = false
  }

  /**
   * When half of what waits will be done if it goes on like this, within `MIN_RETRY_MS` and
   * `MAX_RETRY_MS`; after a period where nothing is known yet.
   */
  retryAfterMs(waiting: number, nowMs: number): number {
    this.#turn(nowMs)
    const done = this.#done + (this.#before ?? 0)
    if (done === 0) return this.#before === undefined ? PERIOD_MS : MAX_RETRY_MS
    const latelyMs = this.#busyUntil(nowMs) - this.#sinceMs + (this.#before === undefined ? 0 : PERIOD_MS)
    const waitMs = (SHARE * waiting * latelyMs) / done
    return Math.ceil(Math.min(Math.max(waitMs, MIN_RETRY_MS), MAX_RETRY_MS))
  }

  #busyUntil(nowMs: number): number {
    return this.#isBusy ? this.#busyMs + nowMs - this.#changedMs : this.#busyMs
  }

  /** Begins the next period if it is time. */
  #turn(nowMs: number): void {
    const periods = Math.floor((this.#busyUntil(nowMs) - this.#sinceMs) / PERIOD_MS)
    if (periods < 1) return
    this.#before = periods === 1 ? this.#done : 0
    this.#done = 0
    this.#sinceMs += periods * PERIOD_MS
  }
}

/** `what` says of what there is too much. */
export function overloaded(what: string, retryAfterMs: number): SynodError {
  return new SynodError('overloaded', `${what}: try again in ${retryAfterMs} ms`, { retryAfterMs })
}
