const WORD_BITS = 16
const FULL = 0xffff

/**
 * A set of numbers below a limit. Its key is short if all small numbers are in it and all large
 * ones are not, as in the set of operations that have been put in order.
 */
export class BitSet {
  readonly #words: Uint16Array
  /** Words below are full. */
  #low = 0
  /** Words from here on are empty. */
  #high = 0

  constructor(limit: number) {
    this.#words = new Uint16Array(Math.ceil(limit / WORD_BITS))
  }

  add(number: number): void {
    const at = Math.floor(number / WORD_BITS)
    this.#words[at] = this.#word(at) | (1 << (number % WORD_BITS))
    this.#high = Math.max(this.#high, at + 1)
    while (this.#word(this.#low) === FULL) this.#low++
  }

  delete(number: number): void {
    const at = Math.floor(number / WORD_BITS)
    this.#words[at] = this.#word(at) & ~(1 << (number % WORD_BITS))
    this.#low = Math.min(this.#low, at)
    while (this.#high > 0 && this.#word(this.#high - 1) === 0) this.#high--
  }

  /** The same text for equal sets of one limit, and for no others. */
  key(): string {
    return String.fromCharCode(
      this.#low & FULL,
      this.#low >>> WORD_BITS,
      ...this.#words.subarray(this.#low, this.#high),
    )
  }

  #word(at: number): number {
    return this.#words[at] ?? 0
  }
}
