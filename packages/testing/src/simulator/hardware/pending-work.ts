/** Counts what has begun and not ended: closing what it belongs to waits for that. */
export class PendingWork {
  #count = 0
  #waiting: (() => void)[] = []

  /** Returns what ends it, to be called once. */
  begin(): () => void {
    this.#count++
    return () => {
      if (--this.#count === 0) for (const done of this.#waiting.splice(0)) done()
    }
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const end = this.begin()
    try {
      return await work()
    } finally {
      end()
    }
  }

  /** Resolves when nothing is left. */
  async idle(): Promise<void> {
    if (this.#count > 0) await new Promise<void>((done) => this.#waiting.push(done))
  }
}
