import type { Clock } from '../../src/clock.js'

interface Timer {
  readonly at_ms: number
  readonly order: number
  /** Undefined once it is cancelled. */
  run: (() => void) | undefined
}

/** A clock that moves only from one timer to the next, one at a time: what is due first, then what was asked for first. */
export class StepClock implements Clock {
  #now_ms = 0
  #order = 0
  /** A binary heap: the next timer is at 0, and none is before its parent. */
  readonly #heap: Timer[] = []
  /** What comes before any timer. */
  readonly #next: (() => void)[] = []

  now(): number {
    return this.#now_ms
  }

  wallTime(): number {
    return 1_700_000_000_000 + this.#now_ms
  }

  timer(delay_ms: number, run: () => void): () => void {
    const timer: Timer = { at_ms: this.#now_ms + Math.max(0, delay_ms), order: this.#order++, run }
    this.#push(timer)
    return () => {
      timer.run = undefined
    }
  }

  next(run: () => void): void {
    this.#next.push(run)
  }

  soon(run: () => void): void {
    this.timer(0, run)
  }

  /** Runs the next timer if it is due by `end_ms`. Otherwise moves on to then, and answers false. */
  step(end_ms: number): boolean {
    const next = this.#next.shift()
    if (next !== undefined) {
      next()
      return true
    }
    for (let timer = this.#heap[0]; timer !== undefined && timer.at_ms <= end_ms; timer = this.#heap[0]) {
      this.#pop()
      if (timer.run === undefined) continue
      this.#now_ms = timer.at_ms
      timer.run()
      return true
    }
    this.#now_ms = Math.max(this.#now_ms, end_ms)
    return false
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let index = heap.length
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(timer, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = timer
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at_ms < b.at_ms || (a.at_ms === b.at_ms && a.order < b.order)
}
