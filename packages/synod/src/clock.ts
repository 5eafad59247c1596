/** Time and timers, given from outside so that a simulation can stand in for them. */
export interface Clock {
  /** Milliseconds on a clock that never goes back; only differences mean anything. */
  now(): number
  /** Milliseconds since 1970 by the machine's idea of the time, a whole number; it may jump. */
  wallTime(): number
  /**
   * Calls `run` once, at least `delayMs` from now and never within this call. A timer of Infinity
   * never runs. Returns a function that cancels the timer. Timers of the same delay run in the
   * order in which they were set; late timers of different delays run in any order.
   *
   * @throws RangeError if `delayMs` is NaN.
   */
  timer(delayMs: number, run: () => void): () => void
  /**
   * Calls `run` after the current callback and the promises that follow from it, before any timer
   * and anything from outside.
   */
  next(run: () => void): void
  /**
   * Calls `run` in a later turn, after everything that has already arrived from outside. A timer of
   * 0 ms may run before or after it.
   */
  soon(run: () => void): void
}

/** What is to wait for longer, setTimeout runs at once. */
const LONGEST_WAIT_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  timer(delayMs, run) {
    if (Number.isNaN(delayMs)) throw new RangeError('a timer needs a number of milliseconds')
    if (delayMs === Infinity) return () => undefined
    const dueMs = performance.now() + delayMs
    const wait = (restMs: number) => {
      // Node counts from the last whole millisecond: without one more the timer is early.
      const partMs = restMs > 0 ? Math.min(Math.ceil(restMs) + 1, LONGEST_WAIT_MS) : 0
      return setTimeout(() => {
        const leftMs = dueMs - performance.now()
        if (leftMs > 0) timeout = wait(leftMs)
        else run()
      }, partMs)
    }
    let timeout = wait(delayMs)
    return () => {
      clearTimeout(timeout)
    }
  },
  next(run) {
    // A tick set by a promise runs after all promises, one set by a callback before them.
    queueMicrotask(() => {
      process.nextTick(run)
    })
  },
  soon(run) {
    setImmediate(run)
  },
}
