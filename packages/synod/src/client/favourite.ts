import type { Clock } from '../clock.js'
import type { EndpointView } from './target.js'

/** The others are asked too when the favourite has not answered for so long, at least. */
const MIN_PATIENCE_MS = 10

/** And for this many times as long as its slowest answer of late. */
const PATIENCE = 2

/** What each answer takes off the slowest one, so that about the last hundred count. */
const FADING = 1 / 128

/** How long it waits at least until it looks again. */
const MIN_WAIT_MS = 1

/** A question in leaderless mode. */
export interface Asked<Its> {
  /** All replicas are asked, not the favourite alone. */
  isForAll: boolean
  /** The one that was asked alone, and when. */
  first: Its | undefined
  askedMs: number
}

/**
 * Leaderless mode: the replica that a client asks first. It is the one that answered last: the one
 * that proposed, most of the time, as it is the first to know what is chosen. All replicas together
 * would do the work three times, and preempt each other.
 */
export class Favourite<Its extends EndpointView> {
  readonly #clock: Clock
  readonly #onLate: (notSinceMs: number) => void
  #favourite: Its | undefined
  #slowestMs = 0
  #cancel: (() => void) | undefined

  /** `onLate`: what was asked then or before is to go to all. */
  constructor(clock: Clock, onLate: (notSinceMs: number) => void) {
    this.#clock = clock
    this.#onLate = onLate
  }

  /** Whom to ask alone, if there is one that is up and reaches a quorum. */
  get one(): Its | undefined {
    const it = this.#favourite
    const isFit = it?.welcome?.mode === 'leaderless' && !it.silence.isSilent && it.hint?.server !== 0
    return isFit ? it : undefined
  }

  /** It alone is asked this. */
  asked(question: Asked<Its>, first: Its): void {
    question.first = first
    question.askedMs = this.#clock.now()
    this.waitFor(question.askedMs)
  }

  answered(question: Asked<Its>, by: Its): void {
    if (question.first === by) {
      const tookMs = this.#clock.now() - question.askedMs
      this.#slowestMs = Math.max(tookMs, this.#slowestMs - FADING * (this.#slowestMs - tookMs))
    }
    this.#favourite = by
  }

  /** It refuses what another one may take. */
  refused(by: Its): void {
    if (this.#favourite === by) this.#favourite = undefined
  }

  /** Something waits that was asked then. */
  waitFor(askedMs: number): void {
    this.#cancel ??= this.#clock.timer(
      Math.max(MIN_WAIT_MS, askedMs + this.#patienceMs - this.#clock.now()),
      () => {
        this.#cancel = undefined
        this.#onLate(this.#clock.now() - this.#patienceMs)
      },
    )
  }

  stop(): void {
    this.#cancel?.()
  }

  get #patienceMs(): number {
    return Math.max(MIN_PATIENCE_MS, PATIENCE * this.#slowestMs)
  }
}
