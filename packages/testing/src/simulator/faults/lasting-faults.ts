import type { StepClock } from '../hardware/clock.js'

/** The faults that last for a time, until everything is healed. */
export class LastingFaults {
  readonly #clock: StepClock
  /** What ends them. */
  readonly #ends = new Set<() => void>()
  #isHealed = false

  constructor(clock: StepClock) {
    this.#clock = clock
  }

  /** Whether all faults have ended: none strikes any more. */
  get isHealed(): boolean {
    return this.#isHealed
  }

  /** Ends a fault when its time is over, or when everything is healed. */
  until(forMs: number, undo: () => void): void {
    const end = () => {
      if (this.#ends.delete(end)) undo()
    }
    this.#ends.add(end)
    this.#clock.timer(forMs, end)
  }

  /** Ends all faults. */
  heal(): void {
    this.#isHealed = true
    for (const end of [...this.#ends]) end()
  }
}
