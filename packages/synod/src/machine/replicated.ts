import type { CallOptions, ExecuteOptions } from '../call.js'
import type { Slot } from '../paxos/ballot.js'
import type { AnswerOf, AnyMachine, CommandOf, QueryOf, ResultOf } from './machine.js'
import type { StaleAnswer, StaleReadOptions } from './stale-read.js'

/**
 * A replicated state machine of type M, as its callers see it: a `Replica` in this process and a
 * `Client` from outside offer the same.
 *
 * @example
 * async function visit(state: Replicated<Counter>) {
 *   await state.execute(1)
 *   return state.read('total')
 * }
 */
export interface Replicated<M extends AnyMachine> {
  /** Has a command executed once, on every replica, and gives back its result. */
  execute<const Command extends CommandOf<M>>(
    command: Command,
    options?: ExecuteOptions,
  ): Promise<ResultOf<M, Command>>
  /**
   * Answers a query from a state that holds everything acknowledged before the call (linearizable).
   */
  read<const Query extends QueryOf<M>>(query: Query, options?: CallOptions): Promise<AnswerOf<M, Query>>
  /** Answers a query from the state as it is on one replica, with the slot that it is from. */
  readStale<const Query extends QueryOf<M>>(
    query: Query,
    options?: StaleReadOptions,
  ): Promise<StaleAnswer<AnswerOf<M, Query>>>
  /**
   * Answers a query once there is something to answer, as `follow` of the state machine says, from
   * the state of one replica; after 5 s without, with what the state machine has for that.
   */
  follow<const Query extends QueryOf<M>>(
    query: Query,
    options?: StaleReadOptions,
  ): Promise<StaleAnswer<AnswerOf<M, Query>>>
  /**
   * The highest slot that an answer here was from; 0 before the first. `atLeast: seen` keeps stale
   * reads from going back.
   */
  readonly seen: Slot
}
