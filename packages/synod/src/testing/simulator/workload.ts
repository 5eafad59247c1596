import type { Machine } from '../../machine/machine.js'
import type { Chance } from '../chance.js'
import type { Model } from '../linearizability/model.js'

/** What clients of a simulation do: a state machine, and what they ask of it. */
export interface Workload<C, R, Q, A> {
  /** A new state machine, in its initial state. */
  machine(): Machine<C, R, Q, A>
  /** The next command of some client. */
  command(chance: Chance): C
  /** The next query. Without it, clients only write. */
  query?(chance: Chance): Q
  /**
   * A model of the state machine, against which the history of the clients is checked too. Without it the state
   * machine is its own model: what clients saw is compared with a single copy that executes the log.
   */
  readonly model?: WorkloadModel<C, R, Q, A>
}

/** How the operations of clients look to a model. */
export interface WorkloadModel<C, R, Q, A, State = unknown, Input = unknown, Output = unknown> {
  readonly model: Model<State, Input, Output>
  ofCommand(command: C): Input
  ofResult(result: R): Output
  ofQuery(query: Q): Input
  ofAnswer(answer: A): Output
}

/** What a client did, and what it saw of it. Positions number all calls and returns of a simulation. */
export interface Operation<C, Q> {
  readonly client: string
  readonly request:
    | { readonly type: 'command'; readonly tag: number; readonly command: C }
    | { readonly type: 'query'; readonly query: Q }
  readonly invoked: number
  /** Undefined while there is no answer: it may have happened, and may still. */
  returned: { readonly position: number; readonly output: Output } | undefined
}

/** The encoded result or answer, or the message of the error that the state machine threw. */
export type Output = Uint8Array | string
