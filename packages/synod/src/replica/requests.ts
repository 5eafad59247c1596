import { SynodError } from '../errors.js'
import type { Execution } from '../machine/executor.js'
import type { RequestKey, SessionId } from '../machine/request.js'
import type { Outcome } from '../machine/sessions.js'
import type { Proposal } from '../paxos/proposer.js'
import type { Value } from '../paxos/value.js'

/** More requests, or more bytes of them, do not wait here: further ones are refused as `overloaded`. */
export const MAX_WAITING_REQUESTS = 65_536
export const MAX_WAITING_BYTES = 256 << 20

/** A request that waits to be executed. */
interface Waiting extends RequestKey {
  readonly id: number
  readonly value: Value
  readonly done: (outcome: Outcome) => void
  proposed_ms: number
}

/**
 * The requests that somebody waits for at this replica, from the moment they arrive until they are executed
 * here. Being chosen twice does no harm, as sessions execute a request once: so whatever may have got lost
 * is simply proposed again.
 */
export class Requests {
  readonly #byId = new Map<number, Waiting>()
  readonly #bySession = new Map<SessionId, Map<number, Waiting>>()
  #batch: Proposal[] = []
  #bytes = 0
  #nextId = 1

  get size(): number {
    return this.#byId.size
  }

  /**
   * Proposes an encoded request at the end of this turn. `done` is called once, when it has been executed.
   * Returns an id for `cancel`. Throws `overloaded`.
   */
  submit(key: RequestKey, value: Value, now_ms: number, done: (outcome: Outcome) => void): number {
    if (this.#byId.size >= MAX_WAITING_REQUESTS || this.#bytes + value.length > MAX_WAITING_BYTES) {
      throw new SynodError('overloaded', `${this.#byId.size} requests wait already: try again later`)
    }
    const waiting: Waiting = { ...key, id: this.#nextId++, value, done, proposed_ms: now_ms }
    let ofSession = this.#bySession.get(key.session)
    if (ofSession === undefined) this.#bySession.set(key.session, (ofSession = new Map<number, Waiting>()))
    // Whoever sends a request again has given up on the connection over which it was sent before.
    const before = ofSession.get(key.sequence)
    if (before !== undefined) this.cancel(before.id)
    ofSession.set(key.sequence, waiting)
    this.#bySession.set(key.session, ofSession)
    this.#byId.set(waiting.id, waiting)
    this.#bytes += value.length
    this.#batch.push(waiting)
    return waiting.id
  }

  /** Nobody waits for it any more. It may still be executed. */
  cancel(id: number): void {
    const waiting = this.#byId.get(id)
    if (waiting !== undefined) this.#forget(waiting)
  }

  /** Answers whoever waits for this request. Returns the id to withdraw, if somebody did. */
  executed({ request, outcome }: Execution): number | undefined {
    const waiting = this.#bySession.get(request.session)?.get(request.sequence)
    if (waiting === undefined) return undefined
    this.#forget(waiting)
    waiting.done(outcome)
    return waiting.id
  }

  /** What was submitted in this turn. */
  takeBatch(): readonly Proposal[] {
    const batch = this.#batch.filter(({ id }) => this.#byId.has(id))
    this.#batch = []
    return batch
  }

  /** Everything that was last proposed before this time, to be proposed again. */
  proposedBefore(time_ms: number, now_ms: number): readonly Proposal[] {
    const proposals: Waiting[] = []
    for (const waiting of this.#byId.values()) {
      if (waiting.proposed_ms >= time_ms) continue
      waiting.proposed_ms = now_ms
      proposals.push(waiting)
    }
    return proposals
  }

  #forget(waiting: Waiting): void {
    this.#byId.delete(waiting.id)
    this.#bytes -= waiting.value.length
    const ofSession = this.#bySession.get(waiting.session)
    ofSession?.delete(waiting.sequence)
    if (ofSession?.size === 0) this.#bySession.delete(waiting.session)
  }
}
