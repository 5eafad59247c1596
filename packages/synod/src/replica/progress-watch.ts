import type { Clock } from '../clock.js'
import type { Logger } from '../logger.js'
import type { Ballot, ServerId, Slot } from '../paxos/ballot.js'
import type { Paxos } from '../paxos/paxos.js'
import type { ReplicaCounters } from './replica-counters.js'
import type { ReplicaTrace } from './replica-trace.js'

export interface ProgressWatchParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly paxos: Paxos
  readonly counts: ReplicaCounters
  readonly trace: ReplicaTrace | undefined
}

/**
 * Notices what the core has come to: slots chosen, another ballot or role, clocks that are unfit
 * for leases.
 */
export class ProgressWatch {
  readonly #parts: ProgressWatchParts
  #chosen: Slot = 0
  #ballot: Ballot = { seq: 0, server: 0 }
  #changedMs: number
  /** Servers of which the log says that their clocks are unfit. */
  #fastClocks: readonly ServerId[] = []

  constructor(parts: ProgressWatchParts) {
    this.#parts = parts
    this.#changedMs = parts.clock.now()
  }

  /** When the chosen watermark or the ballot last changed. */
  get changedMs(): number {
    return this.#changedMs
  }

  /** After each step. */
  refresh(): void {
    const { clock, counts, paxos, trace } = this.#parts
    const { ballot, chosen } = paxos
    counts.isNow(paxos.role)
    this.#warnOfClocks()
    if (chosen === this.#chosen && ballot === this.#ballot) return
    if (chosen > this.#chosen) trace?.chosen(this.#chosen + 1, chosen)
    this.#chosen = chosen
    this.#ballot = ballot
    this.#changedMs = clock.now()
  }

  #warnOfClocks(): void {
    const { logger, paxos } = this.#parts
    const { fastClocks } = paxos
    if (fastClocks === this.#fastClocks) return
    for (const server of fastClocks) {
      if (this.#fastClocks.includes(server)) continue
      logger.warn(
        { server },
        `the clock of s${server} has been seen to run faster than this one by more than leases bear: it does not count for a lease any more`,
      )
    }
    this.#fastClocks = fastClocks
  }
}
