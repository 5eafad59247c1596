/** Time and timers, given from outside so that a simulation can stand in for them. */
export interface Clock {
  /** Milliseconds on a clock that never goes back; only differences mean anything. */
  now(): number
  /** Milliseconds since 1970 by the machine's idea of the time; it may jump. */
  wallTime(): number
  /** Calls `run` once, `delay_ms` from now. Returns what cancels it. */
  timer(delay_ms: number, run: () => void): () => void
  /** Calls `run` once what is under way, and whatever follows from it at once, is done. */
  next(run: () => void): void
  /** Calls `run` once everything that has already arrived from outside is dealt with. */
  soon(run: () => void): void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  timer(delay_ms, run) {
    const timeout = setTimeout(run, delay_ms)
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
