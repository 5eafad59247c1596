import type { Clock } from '../clock.js'

/**
 * How often it looks whether anything has been heard: none that said something less long ago is
 * silent.
 */
export const PERIOD_MS = 250

/**
 * After this many periods without a word a replica that was asked is silent: that is 250 to 500 ms.
 * At most 5 s.
 */
const LEAST_PERIODS = 2
const MOST_PERIODS = 20

/**
 * How much longer than lately it may take: where replicas have too much to do, asking others too
 * would add to it.
 */
const PATIENCE = 4

/** The weight of the latest time in the running average. */
const WEIGHT = 0.25

export interface SilenceDetectorParts {
  /** Whether it has been asked anything that it has not answered. */
  readonly isAwaited: () => boolean
  readonly onSilent: () => void
}

/**
 * Notices that a replica which was asked something is silent: it may be stopped or cut off, and its
 * connection does not show that for seconds. Only periods in which this process ran count.
 */
export class SilenceDetector {
  readonly #clock: Clock
  readonly #parts: SilenceDetectorParts
  #cancel: (() => void) | undefined
  /** Since when it has been asked something and has said nothing. */
  #askedMs: number | undefined
  /** Of those in which it has said nothing. */
  #periods = 0
  /** How long it took lately until it said something. */
  #tookMs = 0

  constructor(clock: Clock, parts: SilenceDetectorParts) {
    this.#clock = clock
    this.#parts = parts
  }

  get isSilent(): boolean {
    if (this.#periods < LEAST_PERIODS) return false
    return this.#periods >= Math.min((PATIENCE * this.#tookMs) / PERIOD_MS, MOST_PERIODS)
  }

  /** It was asked something that others can answer too. */
  onAsked(): void {
    if (this.#askedMs !== undefined) return
    this.#askedMs = this.#clock.now()
    if (this.#cancel === undefined) this.#wait()
  }

  /** It said something. Returns whether it was silent until then. */
  onReceived(): boolean {
    const wasSilent = this.isSilent
    if (this.#askedMs !== undefined)
      this.#tookMs += WEIGHT * (this.#clock.now() - this.#askedMs - this.#tookMs)
    this.reset()
    return wasSilent
  }

  /** What it was asked is lost with its connection. */
  reset(): void {
    this.#askedMs = undefined
    this.#periods = 0
  }

  stop(): void {
    this.#cancel?.()
  }

  #wait(): void {
    this.#cancel = this.#clock.timer(PERIOD_MS, () => {
      this.#cancel = undefined
      // It said something, but perhaps not all that it was asked for.
      if (this.#askedMs === undefined) {
        if (this.#parts.isAwaited()) this.onAsked()
        return
      }
      this.#periods++
      if (this.isSilent) this.#parts.onSilent()
      else this.#wait()
    })
  }
}
