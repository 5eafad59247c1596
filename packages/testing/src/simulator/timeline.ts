import type { SynodError } from 'synod/internal/errors.js'
import { StepClock } from './hardware/clock.js'

/** Not reached in the simulated time that it may take. */
export class TooLateError extends Error {
  override readonly name = 'TooLateError'
}

/**
 * The time of a simulated world. Nothing happens but at the word of its clock, which moves one
 * timer at a time; what promises have to do is done after each of them.
 */
export class Timeline {
  readonly clock = new StepClock()
  /** Called after each step; what it throws ends the run. */
  onStep: () => void = () => undefined
  #moving = false

  /**
   * Moves the clock until something holds. Throws TooLateError if it does not within `limitMs`.
   */
  async run(until: () => boolean, limitMs = 60_000): Promise<void> {
    if (await this.#move(this.clock.now() + limitMs, until)) return
    throw new TooLateError(`not within ${limitMs} ms: ${until.toString()}\n${this.describe()}`)
  }

  async wait(durationMs: number): Promise<void> {
    await this.#move(this.clock.now() + durationMs, () => false)
  }

  /** Moves the clock until a promise is settled, and gives it back. */
  async settled<T>(promise: Promise<T>, limitMs?: number): Promise<T> {
    let over = false
    promise.then(
      () => (over = true),
      () => (over = true),
    )
    await this.run(() => over, limitMs)
    return promise
  }

  /** Moves the clock until a promise is rejected, and gives back the error. */
  async failure(promise: Promise<unknown>, limitMs?: number): Promise<SynodError> {
    const error = promise.then(
      (value) => {
        throw new Error(`no failure, but ${JSON.stringify(value)}`)
      },
      (error: unknown) => error as SynodError,
    )
    return this.settled(error, limitMs)
  }

  /** What the world is like now, for the message of an error. */
  describe(): string {
    return `at ${this.clock.now()} ms`
  }

  /**
   * Between two steps all promises are done. Callbacks, as a promise for each step would take
   * longer than the step.
   */
  #move(endMs: number, until: () => boolean): Promise<boolean> {
    if (this.#moving) throw new Error('the clock is being moved already')
    this.#moving = true
    return new Promise<boolean>((resolve, reject) => {
      const move = () => {
        try {
          this.onStep()
          if (until()) resolve(true)
          else if (this.clock.step(endMs)) {
            whenPromisesAreDone(this.clock.steps, move)
            return
          } else resolve(false)
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
        this.#moving = false
      }
      whenPromisesAreDone(this.clock.steps, move)
    })
  }
}

/**
 * How many steps go between turns of the event loop, in which Node reports unhandled rejections.
 */
const STEPS_A_TURN = 32

/**
 * Nothing here waits for anything but promises and the clock. Node begins its next tick when no
 * promise has work left; a turn of the event loop would do too, but costs as much as a step. (Each
 * step is a microtask: a tick within a tick comes before promises.)
 */
function whenPromisesAreDone(step: number, run: () => void): void {
  if (step % STEPS_A_TURN === 0) setImmediate(queueMicrotask, run)
  else process.nextTick(queueMicrotask, run)
}
