import type { Operation } from './history.js'

/**
 * The result of a check. Partitions have the names that the model gives them; without any, the one
 * is ''.
 */
export type CheckResult<State, Input, Output> =
  Linearizable<Input, Output> | NotLinearizable<State, Input, Output> | Undecided

export interface Linearizable<Input, Output> {
  readonly type: 'linearizable'
  /**
   * For each partition, an order in which its operations may have happened. Of those of unknown
   * outcome, only some are in it.
   */
  readonly witness: ReadonlyMap<string, readonly Operation<Input, Output>[]>
  /** How many configurations were looked at. */
  readonly configurations: number
}

export interface NotLinearizable<State, Input, Output> {
  readonly type: 'not-linearizable'
  readonly partition: string
  /**
   * The first to return of the operations that no order can hold together with all that returned
   * before.
   */
  readonly operation: Operation<Input, Output>
  /** An order of all that had returned before, and maybe of some that were on their way. */
  readonly prefix: readonly Operation<Input, Output>[]
  /** The state after it. */
  readonly state: State
  /**
   * Some of the operations, in the order of their calls, that contradict each other even if any
   * other may or may not have happened, at any time from its call on.
   */
  readonly contradiction: readonly Operation<Input, Output>[]
  /** All this in words. */
  readonly explanation: string
}

export interface Undecided {
  readonly type: 'undecided'
  readonly partition: string
  readonly limit: number
  readonly explanation: string
}
