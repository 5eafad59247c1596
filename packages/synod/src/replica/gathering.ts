import { MAX_BATCH_BYTES } from '../machine/batch.js'
import type { Slot } from '../paxos/ballot.js'

/** Requests gather for this part of the time that an accept takes, and no shorter than `MIN_MS`. */
const SHARE = 1 / 16
const MIN_MS = 0.5

/** The weight of one accept in the average. */
const SAMPLE_WEIGHT = 1 / 8

/** What a leader has under way, and what waits. */
export interface Backlog {
  /** How many accepts are under way. */
  readonly flights: number
  readonly chosen: Slot
  /** When the first of the requests came that wait to be proposed, and what all of them take. */
  readonly sinceMs: number
  readonly sizeBytes: number
}

/**
 * When a leader proposes the requests that wait: at once if no accept is under way. Otherwise they
 * gather until all accepts have landed, a batch is full, or a small part of the time of an accept
 * is over. An accept costs all servers as much for one request as for a hundred.
 */
export class Gathering {
  /** How long accepts took lately: a running average. */
  #tookMs = 0
  /** One of the accepts under way. */
  #sample: { readonly slot: Slot; readonly sentMs: number } | undefined

  /** Until when what waits is to gather; `nowMs` or earlier if it is to be proposed now. */
  untilMs({ chosen, flights, sinceMs, sizeBytes }: Backlog, nowMs: number): number {
    if (this.#sample !== undefined && chosen >= this.#sample.slot) {
      this.#tookMs += SAMPLE_WEIGHT * (nowMs - this.#sample.sentMs - this.#tookMs)
      this.#sample = undefined
    }
    if (flights === 0 || sizeBytes >= MAX_BATCH_BYTES) return nowMs
    return sinceMs + Math.max(MIN_MS, SHARE * this.#tookMs)
  }

  /** Requests were proposed in the slots up to this one. */
  proposed(slot: Slot, nowMs: number): void {
    this.#sample ??= { slot, sentMs: nowMs }
  }

  /** Another server leads, or this one does so anew. */
  restart(): void {
    this.#sample = undefined
  }
}
