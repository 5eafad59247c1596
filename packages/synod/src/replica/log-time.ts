import type { ServerId } from '../paxos/ballot.js'
import type { ServerSet } from '../paxos/server-set.js'
import { MAX_APART_MS } from '../status.js'

/** A reading of a peer's wall clock is forgotten after this time, 10 minutes. */
export const READING_KEPT_MS = 600_000

/**
 * Two monotonic clocks drift apart by no more than this share of the time: NTP takes the same for
 * granted.
 */
export const MAX_DRIFT = 500e-6

/** The pace of log time while it is ahead of the median: it is never set back. */
export const SLOW_PACE = 0.5

/** A time that is known to lie between two bounds, in milliseconds since 1970. */
export interface Bounds {
  readonly low: number
  readonly high: number
}

/** A peer's wall clock against the monotonic clock of this process. */
interface Reading {
  readonly offsetMs: number
  readonly errorMs: number
  readonly atMs: number
}

/** What the clocks of this process show, and whose clocks count. */
export interface ClockReadings {
  /** Monotonic. */
  readonly nowMs: number
  /** What the wall clock of this server shows. */
  readonly wallMs: number
  /** Those of the configuration in force. */
  readonly voters: ServerSet
  /** The log time of the last command executed here; 0 for none. */
  readonly executedMs: number
}

/** Log time at one moment. */
export interface LogMoment {
  /** A whole number of milliseconds since 1970: the stamp of what is proposed now. */
  readonly timeMs: number
  /** Where the median of the voters' wall clocks is; undefined while too few of them are known. */
  readonly median: Bounds | undefined
  /** By how much those wall clocks differ for certain that may be the median. */
  readonly apartMs: number
}

/**
 * The time that this server stamps proposals with: the monotonic clock, drawn to the median of the
 * voters' wall clocks. Behind, it jumps; ahead, it runs at half the pace. So it never goes back,
 * and a minority of wrong clocks cannot move it. (docs/decisions/0028-log-time.md)
 */
export class LogTime {
  readonly #self: ServerId
  readonly #readings = new Map<ServerId, Reading>()
  /**
   * Of the own wall clock against the monotonic one, as it is believed where no other clock can
   * tell.
   */
  #believedMs: number
  #timeMs = 0
  #isKnown = false
  #nowMs: number

  constructor(self: ServerId, nowMs: number, wallMs: number) {
    this.#self = self
    this.#nowMs = nowMs
    this.#believedMs = wallMs - nowMs
  }

  /**
   * Whether log time has begun: the log has told of a time before, or the median of the clocks has
   * been known once.
   */
  get isKnown(): boolean {
    return this.#isKnown
  }

  /**
   * A peer has answered, at `nowMs`, what its wall clock showed at some moment since `askedMs`.
   */
  onWallClock(server: ServerId, wallMs: number, askedMs: number, nowMs: number): void {
    const errorMs = (nowMs - askedMs) / 2
    this.#readings.set(server, { offsetMs: wallMs - askedMs - errorMs, errorMs, atMs: nowMs })
  }

  /** The process of a peer is another one, and its machine may be set to another time. */
  forget(server: ServerId): void {
    this.#readings.delete(server)
  }

  /** Log time goes on to these readings. `nowMs` never goes back from one call to the next. */
  at(readings: ClockReadings): LogMoment {
    const { executedMs, nowMs, voters } = readings
    const passedMs = nowMs - this.#nowMs
    const known = this.#known(readings)
    const median = medianOf(known, voters.length)
    let timeMs = this.#timeMs + passedMs
    if (median !== undefined) {
      const slowMs = this.#timeMs + SLOW_PACE * passedMs
      timeMs = Math.max(median.low, Math.min(timeMs, Math.max(median.high, slowMs)))
    }
    this.#timeMs = Math.max(timeMs, executedMs)
    this.#isKnown ||= median !== undefined || executedMs > 0
    this.#nowMs = nowMs
    return { timeMs: Math.floor(this.#timeMs), median, apartMs: apartFor(known, voters.length) }
  }

  /** What the wall clocks of the voters show, as far as it is known. */
  #known({ nowMs, voters, wallMs }: ClockReadings): Bounds[] {
    const offsetMs = wallMs - nowMs
    // A jump is not followed where no other clock says that it is right.
    if (Math.abs(offsetMs - this.#believedMs) <= MAX_APART_MS) this.#believedMs = offsetMs
    const ownMs = voters.length === 1 ? nowMs + this.#believedMs : wallMs
    return voters.flatMap((server) => {
      if (server === this.#self) return [{ low: ownMs, high: ownMs }]
      const reading = this.#readings.get(server)
      if (reading === undefined || nowMs - reading.atMs > READING_KEPT_MS) return []
      const shownMs = nowMs + reading.offsetMs
      const errorMs = reading.errorMs + MAX_DRIFT * (nowMs - reading.atMs)
      return [{ low: shownMs - errorMs, high: shownMs + errorMs }]
    })
  }
}

/**
 * Between which bounds the median of `count` times lies, of which some are known, each between
 * bounds, and the others may be any; undefined where too few are known for bounds. Of an even
 * number, all between the two in the middle counts as the median.
 */
export function medianOf(known: readonly Bounds[], count: number): Bounds | undefined {
  const unknown = count - known.length
  const lows = known.map(({ low }) => low).sort((a, b) => a - b)
  const highs = known.map(({ high }) => high).sort((a, b) => a - b)
  const low = lows[Math.ceil(count / 2) - 1 - unknown]
  const high = highs[Math.floor(count / 2)]
  return low === undefined || high === undefined ? undefined : { low, high }
}

/**
 * By how much the bounds of the median are apart for another reason than that the times are not
 * known exactly.
 */
function apartFor(known: readonly Bounds[], count: number): number {
  const inner = medianOf(
    known.map(({ high, low }) => ({ low: high, high: low })),
    count,
  )
  return inner === undefined ? 0 : Math.max(0, inner.high - inner.low)
}
