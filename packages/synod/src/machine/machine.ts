import type { Slot } from '../paxos/ballot.js'
import type { Codecs } from './codec.js'

/** What a state machine may know besides the command. */
export interface ApplyContext {
  /** The slot in which the command was chosen. */
  readonly slot: Slot
  /**
   * Milliseconds since 1970, as stamped by the replica that proposed the command. The same on every
   * replica, and it never goes back.
   */
  readonly time_ms: number
}

/**
 * A deterministic state machine, to be replicated: every replica applies the same commands in the same
 * order, so the same state and results must come of them. It must not look at the clock, at chance, at the
 * machine it runs on, or at anything else outside its own state, the command and the context.
 *
 * @example
 * class Counter implements Machine<number, number, 'total', number> {
 *   #total = 0
 *   apply(amount: number) {
 *     return (this.#total += amount)
 *   }
 *   query() {
 *     return this.#total
 *   }
 * }
 */
export interface Machine<Command, Result, Query, Answer> {
  /**
   * Carries out a command that was chosen. What it throws is given to whoever proposed the command, as
   * `command-failed`; it must not have changed the state then.
   */
  apply(command: Command, context: ApplyContext): Result
  /** Answers from the state as it is, and does not change it. */
  query(query: Query): Answer
  /** How values travel between clients and replicas, and in the log. JSON unless given. */
  readonly codecs?: Partial<Codecs<Command, Result, Query, Answer>>
}
