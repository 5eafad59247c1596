import type { AnyMachine, CommandOf, ResultOf, QueryOf, AnswerOf } from 'synod/internal/machine/machine.js'
import { checkMachine } from 'synod/internal/machine/contract.js'
import type { Slot } from 'synod/internal/paxos/ballot.js'
import { FUNCTION, type Rules, checkOptions, required } from 'synod/internal/options.js'
import type { Chance } from '../chance.js'
import type { Operation } from '../linearizability/history.js'

/** What clients of a simulation do: a state machine, and what they ask of it. */
export interface Workload<M extends AnyMachine> {
  /** A new state machine, in its initial state. */
  machine(): M
  /** The next command of some client. */
  command(chance: Chance): CommandOf<M>
  /** The next query. Without it, clients only write. */
  query?(chance: Chance): QueryOf<M>
  /**
   * A further check of what clients saw, by a model that is not the state machine itself: with
   * assertLinearizable, say. What it throws is a violation. What the state machine refused by
   * throwing is left out.
   */
  check?(history: readonly Operation<CommandOf<M> | QueryOf<M>, ResultOf<M> | AnswerOf<M>>[]): void
}

const RULES: Rules = {
  machine: required(FUNCTION),
  command: required(FUNCTION),
  query: FUNCTION,
  check: FUNCTION,
}

/** Throws `invalid-options`, also for a machine that `Replica.open` would refuse. */
export function checkWorkload<M extends AnyMachine>(workload: Workload<M>): void {
  checkOptions('a workload', workload, RULES)
  checkMachine(workload.machine())
}

/**
 * What a client did, and what it saw of it. Positions number all calls and returns of a simulation.
 */
export interface ClientOperation<M extends AnyMachine> {
  readonly client: string
  readonly request:
    | { readonly type: 'command'; readonly tag: number; readonly command: CommandOf<M> }
    | { readonly type: 'query'; readonly query: QueryOf<M> }
    /** Of the state as it is on one replica, once it has executed the slots up to `atLeast`. */
    | { readonly type: 'stale-query'; readonly query: QueryOf<M>; readonly atLeast: Slot }
  readonly invoked: number
  /** Undefined while there is no answer: it may have happened, and may still. */
  returned: Returned | undefined
  /** Whether its client was told that it was not executed, and will not be. */
  isRefused?: boolean
}

export interface Returned {
  readonly position: number
  readonly output: WorkloadOutput
  /**
   * How many commands the state had executed that answered a query. Unknown where the state machine
   * refused it.
   */
  readonly place?: number
  /** Which slot a stale answer is from. */
  readonly slot?: Slot
}

/** The encoded result or answer, or the message of the error that the state machine threw. */
export type WorkloadOutput = Uint8Array | string
