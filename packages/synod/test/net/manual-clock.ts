import type { Clock } from '../../src/clock.js'

interface Timer {
  readonly at_ms: number
  readonly order: number
  readonly run: () => void
}

/** A clock that stands still until it is moved; what is due runs in order of time, then of asking. */
export class ManualClock implements Clock {
  #now_ms = 0
  #order = 0
  readonly #timers = new Set<Timer>()

  now(): number {
    return this.#now_ms
  }

  wallTime(): number {
    return 1_700_000_000_000 + this.#now_ms
  }

  timer(delay_ms: number, run: () => void): () => void {
    const timer = { at_ms: this.#now_ms + Math.max(0, delay_ms), order: this.#order++, run }
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
    }
  }

  next(run: () => void): void {
    this.timer(0, run)
  }

  soon(run: () => void): void {
    this.timer(0, run)
  }

  /** Runs everything due within the next `duration_ms`, and moves on by as much. */
  advance(duration_ms: number): void {
    const end_ms = this.#now_ms + duration_ms
    for (let timer = this.#next(end_ms); timer !== undefined; timer = this.#next(end_ms)) {
      this.#timers.delete(timer)
      this.#now_ms = timer.at_ms
      timer.run()
    }
    this.#now_ms = end_ms
  }

  #next(end_ms: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.at_ms > end_ms) continue
      if (!next || timer.at_ms < next.at_ms || (timer.at_ms === next.at_ms && timer.order < next.order))
        next = timer
    }
    return next
  }
}
