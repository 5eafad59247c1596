import type { Clock } from '../clock.js'
import type { DiskReport } from '../net/peer-messages.js'
import type { ServerId } from '../paxos/ballot.js'

/** A write that takes as long as this is told of: well before a slot has waited so long that someone asks why. */
const TELL_AFTER_MS = 250

/** How often it looks at the disk, and tells again. */
const PERIOD_MS = 250

/** What has not been told again for so long may be over: the report that said so can have been lost. */
const FORGET_AFTER_MS = 1000

export interface DiskReportsParts {
  readonly clock: Clock
  /** For how long the own disk has been at one write; 0 if it writes nothing. */
  readonly writing_ms: () => number
  /** Tells all peers. */
  readonly tell: (report: DiskReport) => void
}

/**
 * Servers tell each other when their disk is stuck: only so can one whose slot waits for a vote say what it waits for. They do so
 * again and again while it lasts, as any report may be lost, and once when it is over.
 */
export class DiskReports {
  readonly #parts: DiskReportsParts
  readonly #heard = new Map<ServerId, { readonly since_ms: number; readonly at_ms: number }>()
  #isStuck = false
  #cancel: () => void = () => undefined

  constructor(parts: DiskReportsParts) {
    this.#parts = parts
    this.#watch()
  }

  heard(from: ServerId, { writing_ms }: DiskReport): void {
    const at_ms = this.#parts.clock.now()
    if (writing_ms === 0) this.#heard.delete(from)
    else this.#heard.set(from, { since_ms: at_ms - writing_ms, at_ms })
  }

  /** For how long the disk of a peer has been at one write, as it says; 0 if it says nothing of the kind. */
  writing_ms(peer: ServerId): number {
    const now_ms = this.#parts.clock.now()
    const report = this.#heard.get(peer)
    return report === undefined || now_ms - report.at_ms > FORGET_AFTER_MS ? 0 : now_ms - report.since_ms
  }

  stop(): void {
    this.#cancel()
  }

  #watch(): void {
    this.#cancel = this.#parts.clock.timer(PERIOD_MS, () => {
      this.#look()
      this.#watch()
    })
  }

  #look(): void {
    const writing_ms = Math.round(this.#parts.writing_ms())
    const wasStuck = this.#isStuck
    this.#isStuck = writing_ms >= TELL_AFTER_MS
    if (this.#isStuck) this.#parts.tell({ type: 'disk', writing_ms })
    else if (wasStuck) this.#parts.tell({ type: 'disk', writing_ms: 0 })
  }
}
