/** A gap between two stamps that is longer than this is an outage. */
const OUTAGE_MS = 1000

/** What an outage counts as. */
const COUNTED_MS = 500

/**
 * The time in which leases live: that of the log, without the time in which the cluster did not
 * work, when their holders could not keep them alive.
 */
export class LeaseClock {
  #nowMs: number
  #stampMs: number

  constructor({ nowMs, stampMs }: { readonly nowMs: number; readonly stampMs: number }) {
    this.#nowMs = nowMs
    this.#stampMs = stampMs
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** Of the latest command; 0 before the first. */
  get stampMs(): number {
    return this.#stampMs
  }

  advance(stampMs: number): void {
    const gap = this.#stampMs === 0 ? 0 : stampMs - this.#stampMs
    this.#nowMs += gap > OUTAGE_MS ? COUNTED_MS : gap
    this.#stampMs = stampMs
  }
}
