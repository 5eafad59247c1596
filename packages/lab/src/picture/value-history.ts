/**
 * What something was from which event on. The changes come in the order of events; what it is after
 * any event is found by halving.
 */
export class ValueHistory<T> {
  readonly #events: number[] = []
  readonly #values: T[] = []

  /** From `event` on it is `value`. */
  push(event: number, value: T): void {
    const last = this.#events.length - 1
    if (this.#events[last] === event) this.#values[last] = value
    else {
      this.#events.push(event)
      this.#values.push(value)
    }
  }

  /** The event from which on it is anything. */
  get begin(): number {
    return this.#events[0] ?? Infinity
  }

  get latest(): T | undefined {
    return this.#values.at(-1)
  }

  /** What it is after this event. */
  after(event: number): T | undefined {
    let [low, high] = [0, this.#events.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#events[middle] ?? 0) <= event) low = middle + 1
      else high = middle
    }
    return this.#values[low - 1]
  }
}
