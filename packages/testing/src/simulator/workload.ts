import { checkMachine } from 'synod/internal/machine/contract.js'
import type { Machine } from 'synod/internal/machine/machine.js'
import type { Slot } from 'synod/internal/paxos/ballot.js'
import { FUNCTION, type Rules, checkOptions, required } from 'synod/internal/options.js'
import type { Chance } from '../chance.js'
import type { Operation } from '../linearizability/history.js'

/** What clients of a simulation do: a state machine, and what they ask of it. */
export interface Workload<C, R, Q, A> {
  /** A new state machine, in its initial state. */
  machine(): Machine<C, R, Q, A>
  /** The next command of some client. */
  command(chance: Chance): C
  /** The next query. Without it, clients only write. */
  query?(chance: Chance): Q
  /**
   * A further check of what clients saw, by a model that is not the state machine itself: with assertLinearizable, say. What
   * it throws is a violation. What the state machine refused by throwing is left out.
   */
  check?(history: readonly Operation<C | Q, R | A>[]): void
}

const RULES: Rules = {
  machine: required(FUNCTION),
  command: required(FUNCTION),
  query: FUNCTION,
  check: FUNCTION,
}

/** Throws `invalid-options`, also for a machine that `Replica.open` would refuse. */
export function checkWorkload<C, R, Q, A>(workload: Workload<C, R, Q, A>): void {
  checkOptions('a workload', workload, RULES)
  checkMachine(workload.machine())
}

/** What a client did, and what it saw of it. Positions number all calls and returns of a simulation. */
export interface ClientOperation<C, Q> {
  readonly client: string
  readonly request:
    | { readonly type: 'command'; readonly tag: number; readonly command: C }
    | { readonly type: 'query'; readonly query: Q }
    /** Of the state as it is on one replica, once it has executed the slots up to `atLeast`. */
    | { readonly type: 'stale-query'; readonly query: Q; readonly atLeast: Slot }
  readonly invoked: number
  /** Undefined while there is no answer: it may have happened, and may still. */
  returned: Returned | undefined
}

export interface Returned {
  readonly position: number
  readonly output: Output
  /** How many commands the state had executed that answered a query. Unknown where the state machine refused it. */
  readonly place?: number
  /** Which slot a stale answer is from. */
  readonly slot?: Slot
}

/** The encoded result or answer, or the message of the error that the state machine threw. */
export type Output = Uint8Array | string
