/** Time and timers, given from outside so that a simulation can stand in for them. */
export interface Clock {
  /** Milliseconds on a clock that never goes back; only differences mean anything. */
  now(): number
  /** Milliseconds since 1970 by the machine's idea of the time; it may jump. */
  wallTime(): number
  /** Calls `run` once, `delay_ms` from now; never, if that is Infinity. Returns what cancels it. */
  timer(delay_ms: number, run: () => void): () => void
  /** Calls `run` once what is under way, and whatever follows from it at once, is done. */
  next(run: () => void): void
  /** Calls `run` once everything that has already arrived from outside is dealt with. */
  soon(run: () => void): void
}

/** What is to wait for longer, setTimeout runs at once. */
const LONGEST_WAIT_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  timer(delay_ms, run) {
    if (Number.isNaN(delay_ms)) throw new RangeError('a timer needs a number of milliseconds')
    let rest_ms = delay_ms
    const wait = () => {
      const part_ms = Math.min(rest_ms, LONGEST_WAIT_MS)
      rest_ms -= part_ms
      return setTimeout(() => {
        if (rest_ms > 0) timeout = wait()
        else run()
      }, part_ms)
    }
    let timeout = delay_ms === Infinity ? undefined : wait()
    return () => {
      clearTimeout(timeout)
    }
  },
  next(run) {
    process.nextTick(run)
  },
  soon(run) {
    setImmediate(run)
  },
}
