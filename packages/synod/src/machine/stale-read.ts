import { CALL_RULES, type CallOptions, checkCall } from '../call.js'
import { SynodError } from '../errors.js'
import { type Rules, wholeFrom } from '../options.js'
import type { Slot } from '../paxos/ballot.js'

export interface StaleReadOptions extends CallOptions {
  /**
   * Waits until this slot is executed on the replica that answers. A whole number; 0, which waits
   * for nothing, unless given.
   */
  readonly atLeast?: Slot | undefined
}

/** What a replica answered from its own state. */
export interface StaleAnswer<Answer> {
  readonly answer: Answer
  /** The state had all slots up to this one executed, and no others. */
  readonly slot: Slot
}

const RULES: Rules = { ...CALL_RULES, atLeast: wholeFrom(0, Number.MAX_SAFE_INTEGER) }

/** Throws `invalid-options`. Returns the slot that must be executed. */
export function checkStaleRead(options: StaleReadOptions, method = 'readStale'): Slot {
  checkCall(method, options, RULES)
  return options.atLeast ?? 0
}

/**
 * The error of a stale read. A timeout means here that the replica is behind, not that there is no
 * quorum.
 */
export function staleError(error: Error, atLeast: Slot): Error {
  if (!(error instanceof SynodError)) return error
  if (error.code !== 'no-quorum' && error.code !== 'outcome-unknown') return error
  const what = `slot ${atLeast} was not executed in time on the replica that was asked`
  return new SynodError('too-stale', what, { cause: error })
}
