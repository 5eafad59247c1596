import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { ServerSet } from 'synod/internal/paxos/server-set.js'
import type { ReplicaStatus } from 'synod/internal/status.js'
import type { ExecutedCommand } from './executions.js'
import { Violation } from './violation.js'

/**
 * Besides the drift of the monotonic clocks: what rounding, and the way of a question and its
 * answer, may add.
 */
const MARGIN_MS = 100

export interface TimeWatchParts {
  /** How fast the monotonic clock of each server runs: 1 is right. */
  readonly rates: readonly number[]
  /** The simulated time, and the right time of day. */
  readonly now: () => number
  readonly wallTime: () => number
  /** Whether the wall clock of a server has been right from the beginning. */
  readonly isRight: (server: ServerId) => boolean
  /** Of all replicas that run. */
  readonly statuses: () => readonly ReplicaStatus[]
}

/**
 * Log time never goes back. While most voters' wall clocks are right, it is ahead of the right time
 * by no more than the monotonic clocks drift. How far it may be behind depends on which clocks a
 * replica knows, so that is checked at the end, when everything is healed.
 */
export class TimeWatch {
  readonly #parts: TimeWatchParts
  readonly #drift: number
  #lastMs = 0
  /** A majority of the voters had wrong clocks once: from then on log time may be anything. */
  #isOver = false

  constructor(parts: TimeWatchParts) {
    this.#parts = parts
    this.#drift = Math.max(...parts.rates.map((rate) => Math.abs(rate - 1)))
  }

  /** How far log time may be from the right time. */
  get boundMs(): number {
    return MARGIN_MS + this.#drift * this.#parts.now()
  }

  /** A command was executed for the first time. Throws a Violation. */
  executed({ by, position: { slot }, timeMs }: ExecutedCommand): void {
    if (timeMs < this.#lastMs)
      throw new Violation(
        'wrong-time',
        `log time went back from ${this.#lastMs} to ${timeMs} in slot ${slot}, on s${by}`,
      )
    this.#lastMs = timeMs
    const aheadMs = timeMs - this.#parts.wallTime()
    if (aheadMs <= this.boundMs) return
    this.refresh()
    if (this.#isOver) return
    const what = `log time is ${aheadMs} ms ahead of the right time in slot ${slot}, on s${by}`
    throw new Violation('wrong-time', `${what}, though a majority of the voters has right clocks`)
  }

  /** Whose clocks are right, or who votes, may have changed. */
  refresh(): void {
    this.#isOver ||= this.#parts
      .statuses()
      .some((status) => !this.#hasRightMajority(votersOf(status), () => true))
  }

  /**
   * Of these replicas, those whose log time should be right now, and is not; they run, and all else
   * is healed.
   */
  wrongTimes(sound: readonly ServerId[]): ServerId[] {
    const { statuses, wallTime } = this.#parts
    if (this.#isOver) return []
    return statuses()
      .filter((status) => sound.includes(status.server))
      .filter((status) => this.#hasRightMajority(votersOf(status), (server) => sound.includes(server)))
      .filter(({ time }) => Math.abs(time.logMs - wallTime()) > this.boundMs)
      .map(({ server }) => server)
  }

  #hasRightMajority(voters: ServerSet, isUp: (server: ServerId) => boolean): boolean {
    const right = voters.filter((server) => this.#parts.isRight(server) && isUp(server))
    return voters.length === 0 || right.length > voters.length / 2
  }
}

/** As of the chosen watermark. */
function votersOf({ members }: ReplicaStatus): ServerSet {
  return members.filter(({ role }) => role === 'voter').map(({ server }) => server)
}
