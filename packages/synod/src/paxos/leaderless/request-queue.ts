import { averageWith } from '../average.js'
import type { Slot } from '../ballot.js'
import { MAX_QUEUED } from '../config.js'
import { type RandomState, randomBetween } from '../random.js'
import type { Value } from '../value.js'

/** A client's request on its way into the log. */
export interface QueuedRequest {
  readonly id: number
  readonly value: Value
  /** The slot in which it is being proposed; 0 while it waits for one. */
  slot: Slot
  /** How many slots other values won. */
  lost: number
  readonly arrivedMs: number
  /** When it was proposed first; Infinity before. */
  proposedMs: number
  /** No slot before this time, unless this server is the favourite. */
  readonly fromMs: number
}

export interface RequestQueueState {
  /** In order of arrival, by id. */
  readonly requests: Map<number, QueuedRequest>
  /** The requests that have no slot. */
  readonly waiting: Set<number>
  /** The id of the next request that a peer forwards: below 0, unlike those of own clients. */
  nextForwarded: number
  /**
   * How long requests took lately until they were executed: a running average. What this server
   * proposed counts from its proposal on, or the wait before that would make the next one longer.
   */
  requestMs: number
}

/** The requests that this server is to bring into the log. */
export class RequestQueue {
  readonly #state: RequestQueueState
  readonly #random: RandomState

  constructor(state: RequestQueueState, random: RandomState) {
    this.#state = state
    this.#random = random
  }

  get capacity(): number {
    return MAX_QUEUED - this.#state.waiting.size
  }

  get(id: number): QueuedRequest | undefined {
    return this.#state.requests.get(id)
  }

  /** The first request that waits for a slot. */
  get next(): QueuedRequest | undefined {
    for (const id of this.#state.waiting) return this.get(id)
    return undefined
  }

  add(id: number, value: Value, nowMs: number): void {
    const { requestMs, requests, waiting } = this.#state
    if (requests.has(id)) return
    const fromMs = nowMs + randomBetween(this.#random, 2, 4) * requestMs
    requests.set(id, { id, value, slot: 0, lost: 0, arrivedMs: nowMs, proposedMs: Infinity, fromMs })
    waiting.add(id)
  }

  nextForwardedId(): number {
    return this.#state.nextForwarded--
  }

  /** The request is being proposed in this slot. */
  assign(request: QueuedRequest, slot: Slot, nowMs: number): void {
    this.#state.waiting.delete(request.id)
    request.slot = slot
    request.proposedMs = Math.min(request.proposedMs, nowMs)
  }

  /** Another value has won the request's slot. */
  lose(request: QueuedRequest): void {
    request.slot = 0
    request.lost++
    this.#state.waiting.add(request.id)
  }

  /** The request is executed, or no client waits for it any more. */
  end({ arrivedMs, id, proposedMs }: QueuedRequest, nowMs: number): void {
    const sinceMs = proposedMs === Infinity ? arrivedMs : proposedMs
    this.#state.requests.delete(id)
    this.#state.waiting.delete(id)
    this.#state.requestMs = averageWith(this.#state.requestMs, nowMs - sinceMs)
  }
}
