/** Notes when things are acknowledged, and so for how long nothing was. */
export class Pulse {
  #count = 0
  #last_ms = performance.now()
  #longest_ms = 0
  readonly #waiting = new Set<() => void>()

  get count(): number {
    return this.#count
  }

  beat(): void {
    this.#look()
    this.#count++
    this.#last_ms = performance.now()
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  /** Resolves with the next beat. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve))
  }

  /** The longest time without a beat, since this was last asked. */
  longestPause_ms(): number {
    this.#look()
    const longest_ms = this.#longest_ms
    this.#longest_ms = 0
    return longest_ms
  }

  #look(): void {
    this.#longest_ms = Math.max(this.#longest_ms, performance.now() - this.#last_ms)
  }
}
