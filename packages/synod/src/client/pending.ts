import { type Call, CallWatcher } from '../call.js'
import type { Endpoint } from './endpoint.js'
import type { Asked } from './favourite.js'
import type { ClientMessage } from '../net/client/messages.js'

/** A message whose number is 0 until it is to be sent. */
export type ClientQuestion = ClientMessage & { request: number }

/**
 * Who is asked. `leader`: the leader, or all replicas in leaderless mode. `any`: any replica. Both
 * try another one when that is gone or silent. `patient`: as `any`, but an answer may take long.
 * `one`: the replica named, without a retry.
 */
export type Routing = 'leader' | 'any' | 'patient' | 'one'

export const ROUTINGS: Readonly<Record<ClientQuestion['type'], Routing>> = {
  execute: 'leader',
  read: 'leader',
  'stale-read': 'any',
  follow: 'patient',
  status: 'one',
  transfer: 'one',
  save: 'one',
  cancel: 'one',
}

/** Is told when the call of a question is over. */
export interface PendingOwner {
  onOver(pending: Pending, error: Error | undefined): void
}

/** A question that has not been answered. */
export class Pending extends CallWatcher implements Asked<Endpoint> {
  readonly routing: Routing
  readonly question: ClientQuestion
  readonly call: Call<Uint8Array>
  readonly #owner: PendingOwner
  /** Who has it now: the bits of the endpoints. */
  asked = 0
  isForAll = false
  first: Endpoint | undefined
  askedMs = 0
  /** How often all who had it have refused it as `overloaded`. */
  refusals = 0
  /** The shortest time named by a replica that refuses it now; 0 for none. */
  retryAfterMs = 0
  /** Ends the wait for the next attempt; undefined while it does not wait. */
  cancelRetry: (() => void) | undefined

  constructor(question: ClientQuestion, call: Call<Uint8Array>, owner: PendingOwner) {
    super()
    this.routing = ROUTINGS[question.type]
    this.question = question
    this.call = call
    this.#owner = owner
  }

  override onOver(error: Error | undefined): void {
    this.#owner.onOver(this, error)
  }
}
