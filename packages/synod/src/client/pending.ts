import type { Call } from '../call.js'
import type { ClientMessage } from '../net/client/messages.js'
import type { Slot } from '../paxos/ballot.js'

/** A message without its number. */
export type ClientQuestion = ClientMessage extends infer Message
  ? Message extends { readonly request: number }
    ? Omit<Message, 'request'>
    : never
  : never

/**
 * Who is asked. `leader`: the leader, or all replicas in leaderless mode. `any`: any replica. Both
 * try another one when that is gone or silent. `one`: the replica named, without a retry.
 */
export type Routing = 'leader' | 'any' | 'one'

export const ROUTINGS: Readonly<Record<ClientQuestion['type'], Routing>> = {
  execute: 'leader',
  read: 'leader',
  'stale-read': 'any',
  status: 'one',
  transfer: 'one',
  save: 'one',
  cancel: 'one',
}

/** A question that has not been answered. */
export interface Pending {
  readonly routing: Routing
  message: ClientMessage
  readonly call: Call<Uint8Array>
  /** Is told the slot that the answer is from. */
  readonly onSlot: ((slot: Slot) => void) | undefined
  /** Who has it now: the bits of the endpoints. */
  asked: number
  /** How often all who had it have refused it as `overloaded`. */
  refusals: number
  /** The shortest time named by a replica that refuses it now; 0 for none. */
  retryAfterMs: number
  /** Ends the wait for the next attempt; undefined while it does not wait. */
  cancelRetry: (() => void) | undefined
}
