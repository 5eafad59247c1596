import { StepClock } from '../../../testing/src/simulator/hardware/clock.js'

/**
 * A clock that stands still until it is moved; what is due runs in order of time, then of asking.
 */
export class ManualClock extends StepClock {
  /** Runs everything due within the next `duration_ms`, and moves on by as much. */
  advance(duration_ms: number): void {
    const end_ms = this.now() + duration_ms
    while (this.step(end_ms));
  }
}
