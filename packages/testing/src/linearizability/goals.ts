import { at } from './at.js'
import type { Operation } from './history.js'
import type { Model } from './model.js'
import { States } from './states.js'

/** What holds of an operation wherever it comes in an order. States are given by their numbers. */
export interface Goal {
  /** The one state that it leads to where it changes anything; undefined if it never does. */
  readonly to: number | undefined
  /** The one state in which it is possible; undefined if there are others too, or none. */
  readonly needs: number | undefined
  /** By state, the next one; NOT_POSSIBLE where there is none. */
  readonly nexts: readonly number[]
}

export const NOT_POSSIBLE = -1

/** Beyond this many steps of the model, an insight is not worth its time and memory. */
const MOST_STEPS = 10_000_000

/** What is known of operations before a search. */
export interface Insight<State, Input, Output> {
  readonly states: States<State>
  /** Undefined if some operation leads to several states, unlike those of a register. */
  readonly goals: ReadonlyMap<Operation<Input, Output>, Goal> | undefined
}

/**
 * Finds the goals of operations. If each has one, they lead to no more states than there are
 * operations.
 */
export function insightInto<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
): Insight<State, Input, Output> {
  const states = new States(model)
  states.number(model.init)
  const nothing = { states, goals: undefined }
  const reached = [model.init]
  const rows = operations.map((): number[] => [])
  for (const [number, state] of reached.entries()) {
    for (const [place, { input, output }] of operations.entries()) {
      const nexts = model.step(state, input, output)
      if (nexts.length > 1) return nothing
      let to = NOT_POSSIBLE
      for (const next of nexts) {
        to = Object.is(next, state) ? number : states.number(next)
        if (to === reached.length) reached.push(next)
      }
      at(rows, place).push(to)
    }
    const isTooMany =
      reached.length > operations.length + 1 || reached.length * operations.length > MOST_STEPS
    if (isTooMany) return nothing
  }
  const goals = new Map<Operation<Input, Output>, Goal>()
  for (const [place, operation] of operations.entries()) {
    const goal = goalOf(at(rows, place))
    if (goal === undefined) return nothing
    goals.set(operation, goal)
  }
  return { states, goals }
}

function goalOf(nexts: readonly number[]): Goal | undefined {
  let to: number | undefined
  let needs: number | undefined
  let possible = 0
  for (const [state, next] of nexts.entries()) {
    if (next === NOT_POSSIBLE) continue
    needs = possible++ === 0 ? state : undefined
    if (next !== state && next !== (to ??= next)) return undefined
  }
  return { to, needs, nexts }
}
