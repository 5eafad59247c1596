import type { Ballot, Slot } from './ballot.js'
import type { Scope } from './messages.js'
import type { Value } from './value.js'

/** A promise given. With scope `log` it binds every slot and `slot` is 0. */
export interface PromiseRecord {
  readonly type: 'promise'
  readonly scope: Scope
  readonly slot: Slot
  readonly ballot: Ballot
}

/** Votes cast at `ballot`: one value for each consecutive slot from `first` on. */
export interface VoteRecord {
  readonly type: 'vote'
  readonly ballot: Ballot
  readonly first: Slot
  readonly values: readonly Value[]
}

/**
 * In slots `first` to `last`, the value of the latest vote recorded before this is chosen. A
 * restarted server need not ask for it; no message waits for this record to be durable.
 */
export interface ChosenRecord {
  readonly type: 'chosen'
  readonly first: Slot
  readonly last: Slot
}

/**
 * The values chosen in consecutive slots from `first` on, learned from a peer rather than by a
 * vote.
 */
export interface DecidedRecord {
  readonly type: 'decided'
  readonly first: Slot
  readonly values: readonly Value[]
}

/**
 * A snapshot holds the results of every slot up to `slot`: earlier records of no later slot need
 * not be kept. This record keeps what must outlive them: the highest ballot promised for every
 * slot, and the highest ballot of any vote. The promises for single later slots stand before it.
 */
export interface TrimRecord {
  readonly type: 'trim'
  readonly slot: Slot
  readonly promised: Ballot
  readonly voted: Ballot
}

/**
 * What a server writes to its journal, in this order, and reads back in this order when it
 * restarts.
 */
export type JournalRecord = PromiseRecord | VoteRecord | ChosenRecord | DecidedRecord | TrimRecord
