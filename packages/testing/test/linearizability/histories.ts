import type { Chance } from '../../src/chance.js'
import type { Operation } from '../../src/linearizability/history.js'
import type { TestObject } from './objects.js'

export interface Load {
  readonly clients: number
  readonly operations: number
  /** How often an outcome is unknown. */
  readonly unknown: number
  /** How many values are written; Infinity for a new one each time. */
  readonly values: number
  /** How long a client waits between operations, at most. An operation takes up to 2. */
  readonly pause: number
  /** How much too early or too late operations happen, at most; 0 for a linearizable history. */
  readonly slack: number
}

interface Planned<Input> {
  readonly client: string
  readonly input: Input
  readonly invoked: number
  /** When it happens; infinite if it never does. */
  readonly happens: number
  /** Undefined if no client sees it. */
  readonly returned: number | undefined
}

/**
 * What clients see of an object that does one operation at a time, each between its call and its
 * return but for the slack. Those of unknown outcome happen soon, much later, or never.
 */
export function simulate<State, Input, Output>(
  { apply, draw, model }: TestObject<State, Input, Output>,
  chance: Chance,
  load: Load,
): Operation<Input, Output>[] {
  const free = Array.from({ length: load.clients }, () => chance.next())
  const planned: Planned<Input>[] = []
  for (let number = 0; number < load.operations; number++) {
    const client = free.indexOf(Math.min(...free))
    const invoked = free[client]!
    const input = draw(chance, number, load.values)
    const isUnknown = chance.happens(load.unknown)
    const due =
      invoked + (isUnknown ? chance.pick([1, 50, Infinity]) * chance.between(0.01, 1) : chance.next())
    const end = isUnknown ? invoked + 2 : due + chance.next()
    const happens = due + chance.between(-load.slack, load.slack)
    free[client] = end + chance.next() * load.pause
    planned.push({ client: `c${client}`, input, invoked, happens, returned: isUnknown ? undefined : end })
  }
  let state = model.init
  const seen = planned
    .sort((a, b) => a.happens - b.happens)
    .map(({ client, happens, input, invoked, returned }): Operation<Input, Output> => {
      const asked = { client, input, invoked }
      if (happens === Infinity) return asked
      const [next, output] = apply(state, input)
      state = next
      return returned === undefined ? asked : { ...asked, returned, output }
    })
  return seen.sort((a, b) => a.invoked - b.invoked)
}

/** The same history, but one operation was answered otherwise. */
export function answered<I, O>(
  operations: readonly Operation<I, O>[],
  operation: Operation<I, O>,
  output: O,
): Operation<I, O>[] {
  return operations.map((each) => (each === operation ? { ...each, output } : each))
}
