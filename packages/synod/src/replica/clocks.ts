import type { Clock } from '../clock.js'
import type { Logger } from '../logger.js'
import { type ClockReport, MAX_WALL_MS } from '../net/peer/messages.js'
import type { ServerId } from '../paxos/ballot.js'
import type { ServerSet } from '../paxos/server-set.js'
import type { TimeStatus } from '../status.js'
import { LogTime, type LogMoment, MAX_APART_MS } from './log-time.js'

/** How often the wall clocks of the peers are asked for. */
const PERIOD_MS = 1000

/** A question that was not answered within this time may be lost, and is asked again. */
const PATIENCE_MS = 2000

/** A warning of a clock is not repeated before this time. */
const WARN_EVERY_MS = 60_000

export interface ClocksParts {
  readonly self: ServerId
  readonly clock: Clock
  readonly randomId: () => number
  readonly logger: Logger
  /** The voters of the configuration in force; none while it is not known. */
  readonly voters: () => ServerSet
  /** The log time of the last command executed here. */
  readonly executed_ms: () => number
  /** The peers that are connected. */
  readonly connected: () => Iterable<ServerId>
  /** Sends a peer a report at once. */
  readonly tell: (to: ServerId, report: ClockReport) => void
}

interface Question {
  readonly round: number
  readonly at_ms: number
  /** Whether the peer has asked too since it was connected: it can answer. */
  readonly isHeard: boolean
}

/**
 * Asks the peers for their wall clocks, stamps what this server proposes with log time, and warns
 * of clocks that are wrong.
 */
export class Clocks {
  readonly #parts: ClocksParts
  readonly #logTime: LogTime
  /** The questions that are not answered yet. */
  readonly #asked = new Map<ServerId, Question>()
  #round: number
  #warned_ms = -Infinity
  #cancel: () => void = () => undefined

  constructor(parts: ClocksParts) {
    const { clock, randomId, self } = parts
    this.#parts = parts
    this.#logTime = new LogTime(self, clock.now(), this.#wall_ms)
    this.#round = randomId()
    this.#watch()
  }

  /** Whether there is a stamp: for good, once there is one. */
  get isKnown(): boolean {
    return this.#logTime.isKnown || this.stamp() !== undefined
  }

  /**
   * The stamp of what is proposed now; undefined in a new cluster that does not know the time yet.
   */
  stamp(): number | undefined {
    const { time_ms } = this.#now()
    return this.#logTime.isKnown ? time_ms : undefined
  }

  /** A peer is connected anew: its process may be another one. */
  onConnected(peer: ServerId): void {
    this.#logTime.forget(peer)
    this.#ask(peer, false)
  }

  onReport(from: ServerId, report: ClockReport): void {
    const { clock, tell } = this.#parts
    if (report.type === 'clock-request') {
      tell(from, { type: 'clock', round: report.round, wall_ms: this.#wall_ms })
      // Its answer may be lost: when it was asked, it may have had no connection to answer by.
      if (this.#asked.get(from)?.isHeard === false) this.#ask(from, true)
      return
    }
    const asked = this.#asked.get(from)
    if (asked?.round !== report.round) return
    this.#asked.delete(from)
    this.#logTime.heard(from, report.wall_ms, asked.at_ms, clock.now())
  }

  get status(): TimeStatus {
    const { executed_ms } = this.#parts
    const { median, time_ms } = this.#now()
    const { isKnown } = this.#logTime
    return {
      executed_ms: executed_ms(),
      log_ms: isKnown ? time_ms : 0,
      clock_ahead_ms: isKnown ? this.#wall_ms - time_ms : 0,
      isMedianKnown: median !== undefined && median.high - median.low <= MAX_APART_MS,
    }
  }

  stop(): void {
    this.#cancel()
  }

  /** A machine can be set to a time of which no other server would hear. */
  get #wall_ms(): number {
    return Math.min(Math.max(0, this.#parts.clock.wallTime()), MAX_WALL_MS)
  }

  #now(): LogMoment {
    const { clock, executed_ms, voters } = this.#parts
    return this.#logTime.at({
      now_ms: clock.now(),
      wall_ms: this.#wall_ms,
      voters: voters(),
      executed_ms: executed_ms(),
    })
  }

  #watch(): void {
    const { clock, connected } = this.#parts
    this.#cancel = clock.timer(PERIOD_MS, () => {
      for (const peer of connected()) {
        const asked_ms = this.#asked.get(peer)?.at_ms ?? -Infinity
        if (clock.now() - asked_ms >= PATIENCE_MS) this.#ask(peer, true)
      }
      this.#warn()
      this.#watch()
    })
  }

  #ask(peer: ServerId, isHeard: boolean): void {
    const { clock, tell } = this.#parts
    const round = ++this.#round
    this.#asked.set(peer, { round, at_ms: clock.now(), isHeard })
    tell(peer, { type: 'clock-request', round })
  }

  #warn(): void {
    const { clock, logger } = this.#parts
    const { apart_ms, median } = this.#now()
    if (median === undefined || clock.now() - this.#warned_ms < WARN_EVERY_MS) return
    const wall_ms = this.#wall_ms
    const ahead_ms = Math.round(Math.max(wall_ms - median.high, Math.min(wall_ms - median.low, 0)))
    if (Math.abs(ahead_ms) <= MAX_APART_MS && apart_ms <= MAX_APART_MS) return
    this.#warned_ms = clock.now()
    if (Math.abs(ahead_ms) > MAX_APART_MS) {
      const where = `${Math.abs(ahead_ms)} ms ${ahead_ms > 0 ? 'ahead of' : 'behind'}`
      logger.warn(
        { ahead_ms },
        `the wall clock of this server is ${where} the median of the voters' clocks, which log time follows: set the clock`,
      )
    } else {
      logger.warn(
        { apart_ms: Math.round(apart_ms) },
        `the wall clocks of the voters differ by ${Math.round(apart_ms)} ms, and log time goes on by the monotonic clock: set the clocks`,
      )
    }
  }
}
