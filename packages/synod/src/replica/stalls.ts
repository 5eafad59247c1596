import type { Clock } from '../clock.js'
import type { Logger } from '../logger.js'
import type { Stalls as Status } from '../status.js'

/** How often it looks at the clock. */
const PERIOD_MS = 100

/** A timer that is this late means that the process stood still. */
const STALL_MS = 50

export interface StallsOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Of a stall as long as this the log tells. */
  readonly worry_ms: number
}

/**
 * Notices when the process stands still: a state machine that takes long, garbage to be collected,
 * a machine that is overloaded or was suspended. Nothing of a replica gets on meanwhile, heartbeats
 * neither, and those who wait for it cannot tell why.
 */
export class Stalls {
  readonly #options: StallsOptions
  #count = 0
  #longest_ms = 0
  #due_ms = 0
  #cancel: () => void = () => undefined

  constructor(options: StallsOptions) {
    this.#options = options
    this.#watch()
  }

  get status(): Status {
    return { count: this.#count, longest_ms: this.#longest_ms }
  }

  stop(): void {
    this.#cancel()
  }

  #watch(): void {
    const { clock } = this.#options
    this.#due_ms = clock.now() + PERIOD_MS
    this.#cancel = clock.timer(PERIOD_MS, () => {
      this.#look(clock.now() - this.#due_ms)
      this.#watch()
    })
  }

  #look(late_ms: number): void {
    if (late_ms < STALL_MS) return
    const { logger, worry_ms } = this.#options
    this.#count++
    this.#longest_ms = Math.max(this.#longest_ms, late_ms)
    if (late_ms < worry_ms) return
    const stall_ms = Math.round(late_ms)
    logger.warn(
      { stall_ms },
      `this process stood still for ${stall_ms} ms: what it is busy with, or its machine, holds up the replica`,
    )
  }
}
