import type { Clock } from '../clock.js'
import type { Logger } from '../logger.js'
import type { Stalls as Status } from '../status.js'

/** How often it looks at the clock. */
const PERIOD_MS = 100

/** A timer that is this late means that the process stood still. */
const STALL_MS = 50

export interface StallWatchOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Of a stall as long as this the log tells. */
  readonly worryMs: number
}

/**
 * Notices when the process stands still: a state machine that takes long, garbage to be collected,
 * a machine that is overloaded or was suspended. Nothing of a replica gets on meanwhile, heartbeats
 * neither, and the clients that wait cannot tell why.
 */
export class StallWatch {
  readonly #options: StallWatchOptions
  #count = 0
  #longestMs = 0
  #dueMs = 0
  #cancel: () => void = () => undefined

  constructor(options: StallWatchOptions) {
    this.#options = options
    this.#watch()
  }

  get status(): Status {
    return { count: this.#count, longestMs: this.#longestMs }
  }

  stop(): void {
    this.#cancel()
  }

  #watch(): void {
    const { clock } = this.#options
    this.#dueMs = clock.now() + PERIOD_MS
    this.#cancel = clock.timer(PERIOD_MS, () => {
      this.#report(clock.now() - this.#dueMs)
      this.#watch()
    })
  }

  #report(lateMs: number): void {
    if (lateMs < STALL_MS) return
    const { logger, worryMs } = this.#options
    this.#count++
    this.#longestMs = Math.max(this.#longestMs, lateMs)
    if (lateMs < worryMs) return
    const stallMs = Math.round(lateMs)
    logger.warn(
      { stallMs },
      `this process stood still for ${stallMs} ms: what it is busy with, or its machine, holds up the replica`,
    )
  }
}
