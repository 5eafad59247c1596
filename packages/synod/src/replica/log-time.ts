import type { ServerId } from '../paxos/ballot.js'
import type { ServerSet } from '../paxos/server-set.js'

/** Clocks that differ by more than this are not all right. */
export const MAX_APART_MS = 1000

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
  readonly offset_ms: number
  readonly error_ms: number
  readonly at_ms: number
}

/** What log time is drawn to at one moment, by the clocks of this process. */
export interface Moment {
  /** Monotonic. */
  readonly now_ms: number
  /** What the wall clock of this server shows. */
  readonly wall_ms: number
  /** Those of the configuration in force. */
  readonly voters: ServerSet
  /** The log time of the last command executed here; 0 for none. */
  readonly executed_ms: number
}

/** Log time at one moment. */
export interface LogMoment {
  /** A whole number of milliseconds since 1970: the stamp of what is proposed now. */
  readonly time_ms: number
  /** Where the median of the voters' wall clocks is; undefined while too few of them are known. */
  readonly median: Bounds | undefined
  /** By how much those wall clocks differ for certain that may be the median. */
  readonly apart_ms: number
}

/**
 * The time that this server stamps what it proposes with. It goes on with the monotonic clock of
 * the process, and is kept between the bounds of the median of the voters' wall clocks: where it is
 * behind, it jumps to the lower one; where it is ahead, it goes on at half the pace. So a minority
 * of wrong clocks moves it nowhere, and it never goes back. (docs/decisions/0028-log-time.md)
 */
export class LogTime {
  readonly #self: ServerId
  readonly #readings = new Map<ServerId, Reading>()
  /**
   * Of the own wall clock against the monotonic one, as it is believed where no other clock can
   * tell.
   */
  #believed_ms: number
  #time_ms = 0
  #isKnown = false
  #now_ms: number

  constructor(self: ServerId, now_ms: number, wall_ms: number) {
    this.#self = self
    this.#now_ms = now_ms
    this.#believed_ms = wall_ms - now_ms
  }

  /**
   * Whether log time has begun: the log has told of a time before, or the median of the clocks has
   * been known once.
   */
  get isKnown(): boolean {
    return this.#isKnown
  }

  /**
   * A peer has answered, at `now_ms`, what its wall clock showed at some moment since `asked_ms`.
   */
  heard(server: ServerId, wall_ms: number, asked_ms: number, now_ms: number): void {
    const error_ms = (now_ms - asked_ms) / 2
    this.#readings.set(server, { offset_ms: wall_ms - asked_ms - error_ms, error_ms, at_ms: now_ms })
  }

  /** The process of a peer is another one, and its machine may be set to another time. */
  forget(server: ServerId): void {
    this.#readings.delete(server)
  }

  /** Log time goes on to this moment. `now_ms` never goes back from one call to the next. */
  at(moment: Moment): LogMoment {
    const { executed_ms, now_ms, voters } = moment
    const passed_ms = now_ms - this.#now_ms
    const known = this.#known(moment)
    const median = medianOf(known, voters.length)
    let time_ms = this.#time_ms + passed_ms
    if (median !== undefined) {
      const slow_ms = this.#time_ms + SLOW_PACE * passed_ms
      time_ms = Math.max(median.low, Math.min(time_ms, Math.max(median.high, slow_ms)))
    }
    this.#time_ms = Math.max(time_ms, executed_ms)
    this.#isKnown ||= median !== undefined || executed_ms > 0
    this.#now_ms = now_ms
    return { time_ms: Math.floor(this.#time_ms), median, apart_ms: apartFor(known, voters.length) }
  }

  /** What the wall clocks of the voters show, as far as it is known. */
  #known({ now_ms, voters, wall_ms }: Moment): Bounds[] {
    const offset_ms = wall_ms - now_ms
    // A jump is not followed where no other clock says that it is right.
    if (Math.abs(offset_ms - this.#believed_ms) <= MAX_APART_MS) this.#believed_ms = offset_ms
    const own_ms = voters.length === 1 ? now_ms + this.#believed_ms : wall_ms
    return voters.flatMap((server) => {
      if (server === this.#self) return [{ low: own_ms, high: own_ms }]
      const reading = this.#readings.get(server)
      if (reading === undefined || now_ms - reading.at_ms > READING_KEPT_MS) return []
      const shown_ms = now_ms + reading.offset_ms
      const error_ms = reading.error_ms + MAX_DRIFT * (now_ms - reading.at_ms)
      return [{ low: shown_ms - error_ms, high: shown_ms + error_ms }]
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
