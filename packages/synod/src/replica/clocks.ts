import type { Clock } from '../clock.js'
import type { Logger } from '../logger.js'
import { type ClockReport, MAX_WALL_MS } from '../net/peer/messages.js'
import type { ServerId } from '../paxos/ballot.js'
import type { ServerSet } from '../paxos/server-set.js'
import { MAX_APART_MS, type TimeStatus } from '../status.js'
import { LogTime, type LogMoment } from './log-time.js'

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
  readonly executedMs: () => number
  /** The peers that are connected. */
  readonly connected: () => Iterable<ServerId>
  /** Sends a peer a report at once. */
  readonly send: (to: ServerId, report: ClockReport) => void
}

interface Question {
  readonly round: number
  readonly atMs: number
  /**
   * True once the peer has asked too since it was connected: then its connection to this server
   * works.
   */
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
  #warnedMs = -Infinity
  #cancel: () => void = () => undefined

  constructor(parts: ClocksParts) {
    const { clock, randomId, self } = parts
    this.#parts = parts
    this.#logTime = new LogTime(self, clock.now(), this.#wallMs)
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
    const { timeMs } = this.#now()
    return this.#logTime.isKnown ? timeMs : undefined
  }

  /** A peer is connected anew: its process may be another one. */
  onConnected(peer: ServerId): void {
    this.#logTime.forget(peer)
    this.#ask(peer, false)
  }

  onReport(from: ServerId, report: ClockReport): void {
    const { clock, send } = this.#parts
    if (report.type === 'clock-request') {
      send(from, { type: 'clock', round: report.round, wallMs: this.#wallMs })
      // It may have had no connection to this server when it was asked: then its answer is lost.
      if (this.#asked.get(from)?.isHeard === false) this.#ask(from, true)
      return
    }
    const asked = this.#asked.get(from)
    if (asked?.round !== report.round) return
    this.#asked.delete(from)
    this.#logTime.onWallClock(from, report.wallMs, asked.atMs, clock.now())
  }

  get status(): TimeStatus {
    const { executedMs } = this.#parts
    const { median, timeMs } = this.#now()
    const { isKnown } = this.#logTime
    return {
      executedMs: executedMs(),
      logMs: isKnown ? timeMs : 0,
      clockAheadMs: isKnown ? this.#wallMs - timeMs : 0,
      isMedianKnown: median !== undefined && median.high - median.low <= MAX_APART_MS,
    }
  }

  stop(): void {
    this.#cancel()
  }

  /** A machine can be set to a time of which no other server would hear. */
  get #wallMs(): number {
    return Math.min(Math.max(0, this.#parts.clock.wallTime()), MAX_WALL_MS)
  }

  #now(): LogMoment {
    const { clock, executedMs, voters } = this.#parts
    return this.#logTime.at({
      nowMs: clock.now(),
      wallMs: this.#wallMs,
      voters: voters(),
      executedMs: executedMs(),
    })
  }

  #watch(): void {
    const { clock, connected } = this.#parts
    this.#cancel = clock.timer(PERIOD_MS, () => {
      for (const peer of connected()) {
        const askedMs = this.#asked.get(peer)?.atMs ?? -Infinity
        if (clock.now() - askedMs >= PATIENCE_MS) this.#ask(peer, true)
      }
      this.#warn()
      this.#watch()
    })
  }

  #ask(peer: ServerId, isHeard: boolean): void {
    const { clock, send } = this.#parts
    const round = ++this.#round
    this.#asked.set(peer, { round, atMs: clock.now(), isHeard })
    send(peer, { type: 'clock-request', round })
  }

  #warn(): void {
    const { clock, logger } = this.#parts
    const { apartMs, median } = this.#now()
    if (median === undefined || clock.now() - this.#warnedMs < WARN_EVERY_MS) return
    const wallMs = this.#wallMs
    const aheadMs = Math.round(Math.max(wallMs - median.high, Math.min(wallMs - median.low, 0)))
    if (Math.abs(aheadMs) <= MAX_APART_MS && apartMs <= MAX_APART_MS) return
    this.#warnedMs = clock.now()
    if (Math.abs(aheadMs) > MAX_APART_MS) {
      const where = `${Math.abs(aheadMs)} ms ${aheadMs > 0 ? 'ahead of' : 'behind'}`
      logger.warn(
        { aheadMs },
        `the wall clock of this server is ${where} the median of the voters' clocks, which log time follows: set the clock`,
      )
    } else {
      logger.warn(
        { apartMs: Math.round(apartMs) },
        `the wall clocks of the voters differ by ${Math.round(apartMs)} ms, and log time goes on by the monotonic clock: set the clocks`,
      )
    }
  }
}
