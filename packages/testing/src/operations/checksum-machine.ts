import type { Machine } from 'synod/internal/machine/machine.js'

/**
 * Numbers what it is given. Its results, and its state, show every command that it executed, in
 * order.
 */
export class ChecksumMachine implements Machine<string, string, null, string> {
  #count = 0
  #sum = 0
  #isRestoring = false
  readonly #rest: () => Promise<void>

  /** Restoring takes its time: it rests after each chunk. */
  constructor(rest: () => Promise<void>) {
    this.#rest = rest
  }

  /** Its state is another one from now on than that of the others. */
  corrupt(): void {
    this.#sum++
  }

  apply(text: string): string {
    this.#check()
    this.#count++
    for (const letter of text) this.#sum = (Math.imul(this.#sum, 31) + letter.charCodeAt(0)) >>> 0
    return `${this.#count} ${this.#sum}`
  }

  query(): string {
    this.#check()
    return `${this.#count} ${this.#sum}`
  }

  snapshot(): Iterable<Uint8Array> {
    this.#check()
    return [this.#count, this.#sum].map((value) => Buffer.from(String(value)))
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#check()
    this.#isRestoring = true
    const values: number[] = []
    for await (const chunk of chunks) {
      values.push(Number(Buffer.from(chunk).toString()))
      await this.#rest()
    }
    ;[this.#count = 0, this.#sum = 0] = values
    this.#isRestoring = false
  }

  #check(): void {
    if (this.#isRestoring)
      throw new TypeError('the state machine is asked for something while it restores its state')
  }
}
