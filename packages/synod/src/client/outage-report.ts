import { Call } from '../call.js'
import type { Clock } from '../clock.js'
import { SynodError } from '../errors.js'
import { explainNoQuorum } from '../explain.js'
import type { ReplicaStatus } from '../status.js'

/**
 * The first refresh, and the longest wait between two: each comes twice as late, so that none is
 * older than half the outage.
 */
const FIRST_REFRESH_MS = 50
const LONGEST_WAIT_MS = 5000

export interface OutageReportParts {
  readonly clock: Clock
  /** Whether calls wait, and no replica that answers knows of a quorum. */
  readonly isOut: () => boolean
  /** Asks each replica that is connected for its status, with a call for each. */
  readonly ask: (newCall: () => Call<Uint8Array>) => void
}

/**
 * Why the replicas that answer reach no quorum, in their own words. They are asked while calls
 * wait, so that a call whose time is up can say it at once.
 */
export class OutageReport {
  readonly #parts: OutageReportParts
  readonly #reasons = new Map<number, string>()
  /** Those of the last refresh. */
  #calls: Call<Uint8Array>[] = []
  #waitMs = FIRST_REFRESH_MS
  #cancelTimer: (() => void) | undefined

  constructor(parts: OutageReportParts) {
    this.#parts = parts
  }

  /** Empty while no replica has said anything. */
  get text(): string {
    return [...this.#reasons.values()].join('; ')
  }

  /** A call waits, or a replica has lost its quorum. */
  refresh(): void {
    if (this.#cancelTimer !== undefined || !this.#parts.isOut()) return
    this.#cancelTimer = this.#parts.clock.timer(this.#waitMs, () => {
      this.#cancelTimer = undefined
      this.#forget()
      if (!this.#parts.isOut()) {
        this.#waitMs = FIRST_REFRESH_MS
        return
      }
      this.#waitMs = Math.min(2 * this.#waitMs, LONGEST_WAIT_MS)
      this.#parts.ask(() => this.#newCall())
      this.refresh()
    })
  }

  close(): void {
    this.#cancelTimer?.()
    this.#forget()
  }

  #newCall(): Call<Uint8Array> {
    const call = new Call<Uint8Array>('status')
    this.#calls.push(call)
    call.promise.then(
      (bytes) => {
        const status = JSON.parse(Buffer.from(bytes).toString()) as ReplicaStatus
        this.#reasons.set(status.server, explainNoQuorum(status))
      },
      // A replica that does not answer says nothing about its quorum.
      () => undefined,
    )
    return call
  }

  #forget(): void {
    this.#reasons.clear()
    for (const call of this.#calls.splice(0))
      call.reject(new SynodError('aborted', 'a later refresh has begun'))
  }
}
