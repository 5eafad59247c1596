import type { Clock } from '../clock.js'
import type { Logger } from '../logger.js'
import type { Ballot, ServerId, Slot } from '../paxos/ballot.js'
import type { Paxos } from '../paxos/paxos.js'
import type { Counts } from './counts.js'
import type { ReplicaTrace } from './replica-trace.js'

export interface ProgressParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly paxos: Paxos
  readonly counts: Counts
  readonly trace: ReplicaTrace | undefined
}

/**
 * Notices what the core has come to: slots chosen, another ballot or role, clocks that are unfit
 * for leases.
 */
export class Progress {
  readonly #parts: ProgressParts
  #chosen: Slot = 0
  #ballot: Ballot = { seq: 0, server: 0 }
  #changedMs: number
  /** Servers of which the log says that their clocks are unfit. */
  #unsound: readonly ServerId[] = []

  constructor(parts: ProgressParts) {
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
    const { unsound } = paxos
    if (unsound === this.#unsound) return
    for (const server of unsound) {
      if (this.#unsound.includes(server)) continue
      logger.warn(
        { server },
        `the clock of s${server} has been seen to run faster than this one by more than leases bear: it does not count for a lease any more`,
      )
    }
    this.#unsound = unsound
  }
}
