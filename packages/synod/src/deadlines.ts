import type { Clock } from './clock.js'
import type { SynodError } from './errors.js'
import { type Linked, LinkedList } from './linked-list.js'

/** A call as the list of those with its timeout sees it. */
export interface DeadlineCall extends Linked<DeadlineCall> {
  /** When it times out, and the list that it is in, for the list to set. */
  untilMs: number
  deadlines: Deadlines | undefined
  reject(error: Error): void
}

/**
 * The calls that have the same timeout. The oldest one is due first, so one timer is enough: a
 * timer for each would cost more than the rest.
 */
export class Deadlines {
  readonly timeoutMs: number
  readonly #clock: Clock
  readonly #timeoutError: (timeoutMs: number) => SynodError
  readonly #calls = new LinkedList<DeadlineCall>()
  /** Runs while a call waits, or until it finds that none does. */
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock, timeoutMs: number, timeoutError: (timeoutMs: number) => SynodError) {
    this.#clock = clock
    this.timeoutMs = timeoutMs
    this.#timeoutError = timeoutError
  }

  get isEmpty(): boolean {
    return this.#calls.first === undefined
  }

  append(call: DeadlineCall, nowMs: number): void {
    call.untilMs = nowMs + this.timeoutMs
    call.deadlines = this
    this.#calls.append(call)
    if (this.#cancelTimer === undefined && this.timeoutMs !== Infinity) this.#wait(this.timeoutMs)
  }

  remove(call: DeadlineCall): void {
    this.#calls.remove(call)
  }

  /** Fails all of them. */
  end(error: SynodError): void {
    while (this.#calls.first !== undefined) this.#calls.first.reject(error)
    this.stop()
  }

  stop(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #wait(delayMs: number): void {
    this.#cancelTimer = this.#clock.timer(delayMs, () => {
      this.#expire()
    })
  }

  #expire(): void {
    const nowMs = this.#clock.now()
    while (this.#calls.first !== undefined && this.#calls.first.untilMs <= nowMs) {
      this.#calls.first.reject(this.#timeoutError(this.timeoutMs))
    }
    if (this.#calls.first === undefined) this.#cancelTimer = undefined
    else this.#wait(this.#calls.first.untilMs - nowMs)
  }
}
