import type { Clock } from '../clock.js'
import type { DiskReport, SpaceState } from '../net/peer/messages.js'
import type { ServerId } from '../paxos/ballot.js'

/**
 * A write that takes as long as this is told of: well before a slot has waited so long that someone
 * asks why.
 */
const REPORT_AFTER_MS = 250

/** How often it looks at the disk, and tells again. */
const PERIOD_MS = 250

/**
 * What has not been told again for so long may be over: the report that said so can have been lost.
 */
const FORGET_AFTER_MS = 1000

export interface DiskReportsParts {
  readonly clock: Clock
  /** For how long the own disk has been at one write; 0 if it writes nothing. */
  readonly writingMs: () => number
  /** How much space the own disk has. */
  readonly space: () => SpaceState
  /** Tells all peers. */
  readonly send: (report: DiskReport) => void
}

/** A report, and when it came. */
interface Received extends DiskReport {
  readonly atMs: number
}

const NO_REPORT: Received = { type: 'disk', writingMs: 0, space: 'ample', atMs: 0 }

/**
 * Servers tell each other when their disk is stuck or short of space: only so can one whose slot
 * waits for a vote say what it waits for, and refuse a write for which too few have space. They do
 * so again and again while it lasts, as any report may be lost, and once when it is over.
 */
export class DiskReports {
  readonly #parts: DiskReportsParts
  readonly #reports = new Map<ServerId, Received>()
  #isReported = false
  #cancel: () => void = () => undefined

  constructor(parts: DiskReportsParts) {
    this.#parts = parts
    this.#watch()
  }

  onReport(from: ServerId, report: DiskReport): void {
    this.#reports.set(from, { ...report, atMs: this.#parts.clock.now() })
  }

  /**
   * For how long the disk of a peer has been at one write, as it says; 0 if it says nothing of the
   * kind.
   */
  writingMs(peer: ServerId): number {
    const { atMs, writingMs } = this.#recent(peer)
    return writingMs === 0 ? 0 : this.#parts.clock.now() - atMs + writingMs
  }

  /** How much space the disk of a peer has, as it says; enough if it says nothing of the kind. */
  space(peer: ServerId): SpaceState {
    return this.#recent(peer).space
  }

  stop(): void {
    this.#cancel()
  }

  /** Each request asks for this: the clock is read only where there is a report. */
  #recent(peer: ServerId): Received {
    const report = this.#reports.get(peer)
    if (report === undefined) return NO_REPORT
    if (this.#parts.clock.now() - report.atMs <= FORGET_AFTER_MS) return report
    this.#reports.delete(peer)
    return NO_REPORT
  }

  #watch(): void {
    this.#cancel = this.#parts.clock.timer(PERIOD_MS, () => {
      this.#report()
      this.#watch()
    })
  }

  #report(): void {
    const nowMs = Math.round(this.#parts.writingMs())
    const writingMs = nowMs >= REPORT_AFTER_MS ? nowMs : 0
    const space = this.#parts.space()
    const wasReported = this.#isReported
    this.#isReported = writingMs > 0 || space !== 'ample'
    if (this.#isReported || wasReported) this.#parts.send({ type: 'disk', writingMs, space })
  }
}
