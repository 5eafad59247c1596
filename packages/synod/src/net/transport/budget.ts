/**
 * How many bytes are held on behalf of others, in any form. A holder says when it takes some and
 * when it lets them go.
 *
 * @example
 * const budget = new Budget(192 << 20)
 * budget.hold(value.length)
 * if (budget.isFull()) refuse()
 * budget.release(value.length)
 */
export class Budget {
  readonly limitBytes: number
  #heldBytes = 0
  #mostBytes = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** The most that was ever held. */
  get mostBytes(): number {
    return this.#mostBytes
  }

  isFull(): boolean {
    return this.#heldBytes >= this.limitBytes
  }

  hold(bytes: number): void {
    this.#heldBytes += bytes
    if (this.#heldBytes > this.#mostBytes) this.#mostBytes = this.#heldBytes
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes
    if (this.#heldBytes < 0) throw new RangeError(`${-this.#heldBytes} bytes released that were not held`)
  }
}
