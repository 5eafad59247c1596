import { StepClock } from '../../../testing/src/simulator/hardware/clock.js'

/**
 * A clock that stands still until it is moved; what is due runs in order of time, then of asking.
 */
export class ManualClock extends StepClock {
  /** Runs everything due within the next `durationMs`, and moves on by as much. */
  advance(durationMs: number): void {
    const endMs = this.now() + durationMs
    while (this.step(endMs));
  }
}
