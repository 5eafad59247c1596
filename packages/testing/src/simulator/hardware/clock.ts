import type { Clock } from 'synod/internal/clock.js'

interface Timer {
  readonly atMs: number
  readonly order: number
  /** Undefined once it is cancelled. */
  run: (() => void) | undefined
}

/** The wall time at the beginning of a simulation. */
const EPOCH_MS = 1_700_000_000_000

/**
 * A clock that moves only from one timer to the next, one at a time: what is due first, then what
 * was asked for first.
 */
export class StepClock implements Clock {
  #nowMs = 0
  #order = 0
  #steps = 0
  /** A binary heap: the next timer is at 0, and none is before its parent. */
  readonly #heap: Timer[] = []
  /** What comes before any timer. */
  readonly #next: (() => void)[] = []

  /** How many timers have run. */
  get steps(): number {
    return this.#steps
  }

  now(): number {
    return this.#nowMs
  }

  wallTime(): number {
    return EPOCH_MS + Math.floor(this.#nowMs)
  }

  timer(delayMs: number, run: () => void): () => void {
    if (Number.isNaN(delayMs)) throw new RangeError('a timer needs a number of milliseconds')
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run }
    if (delayMs !== Infinity) this.#push(timer)
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

  /**
   * Runs the next timer if it is due by `endMs`. Otherwise moves on to then, and answers false.
   */
  step(endMs: number): boolean {
    const next = this.#next.shift()
    if (next !== undefined) {
      next()
      return true
    }
    for (let timer = this.#heap[0]; timer !== undefined && timer.atMs <= endMs; timer = this.#heap[0]) {
      this.#pop()
      if (timer.run === undefined) continue
      this.#nowMs = timer.atMs
      this.#steps++
      timer.run()
      return true
    }
    this.#nowMs = Math.max(this.#nowMs, endMs)
    return false
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let index = heap.length
    for (let parent = (index - 1) >> 1; index > 0; parent = (index - 1) >> 1) {
      const above = heap[parent]
      if (above === undefined || !isBefore(timer, above)) break
      heap[index] = above
      index = parent
    }
    heap[index] = timer
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let index = 0
    for (;;) {
      const left = heap[2 * index + 1]
      const right = heap[2 * index + 2]
      const child = right !== undefined && left !== undefined && isBefore(right, left) ? right : left
      if (child === undefined || !isBefore(child, last)) break
      heap[index] = child
      index = 2 * index + (child === left ? 1 : 2)
    }
    heap[index] = last
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
