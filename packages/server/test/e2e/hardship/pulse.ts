/** Notes when things are acknowledged, and so for how long nothing was. */
export class Pulse {
  #count = 0
  #lastMs = performance.now()
  #longestMs = 0
  readonly #waiting = new Set<() => void>()

  get count(): number {
    return this.#count
  }

  beat(): void {
    this.#look()
    this.#count++
    this.#lastMs = performance.now()
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  /** Resolves with the next beat. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve))
  }

  /** The longest time without a beat, since this was last asked. */
  longestPauseMs(): number {
    this.#look()
    const longestMs = this.#longestMs
    this.#longestMs = 0
    return longestMs
  }

  #look(): void {
    this.#longestMs = Math.max(this.#longestMs, performance.now() - this.#lastMs)
  }
}
