import type { Clock } from '../clock.js'
import type { SynodError } from '../errors.js'
import type { Logger } from '../logger.js'

/** How many refusals are logged in each period: refused clients must not fill a disk. */
const PERIOD_MS = 10_000
const MAX_LINES = 10

/** Logs who was refused, and how many more there were. */
export class RefusalLog {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #who: string
  #beganMs = -Infinity
  #lines = 0
  #unlogged = 0

  constructor(clock: Clock, logger: Logger, who: string) {
    this.#clock = clock
    this.#logger = logger
    this.#who = who
  }

  warn({ code, message }: SynodError, remote: string): void {
    const nowMs = this.#clock.now()
    if (nowMs - this.#beganMs >= PERIOD_MS) {
      this.#beganMs = nowMs
      this.#lines = 0
    }
    if (this.#lines++ >= MAX_LINES) {
      this.#unlogged++
      return
    }
    const others = this.#unlogged === 0 ? {} : { unlogged: this.#unlogged }
    this.#unlogged = 0
    this.#logger.warn({ code, remote, ...others }, `refused ${this.#who} at ${remote}: ${message}`)
  }
}
