import { elementAt } from './element-at.js'
import type { Operation } from './history.js'
import type { Model } from './model.js'
import { States } from './states.js'

/** What holds of an operation wherever it comes in an order. States are given by their numbers. */
export interface Effect {
  /** The one state that it leads to where it changes anything; undefined if it never does. */
  readonly to: number | undefined
  /** The one state in which it is possible; undefined if there are others too, or none. */
  readonly needs: number | undefined
  /** By state, the next one; NOT_POSSIBLE where there is none. */
  readonly nexts: readonly number[]
}

export const NOT_POSSIBLE = -1

/** Beyond this many steps of the model, finding the effects is not worth its time and memory. */
const MOST_STEPS = 10_000_000

/** What is known of operations before a search. */
export interface OperationEffects<State, Input, Output> {
  readonly states: States<State>
  /** Undefined if some operation leads to several states, unlike those of a register. */
  readonly effects: ReadonlyMap<Operation<Input, Output>, Effect> | undefined
}

/**
 * Finds the effects of operations. If each has one, they lead to no more states than there are
 * operations.
 */
export function findEffects<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
): OperationEffects<State, Input, Output> {
  const states = new States(model)
  states.number(model.init)
  const nothing = { states, effects: undefined }
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
      elementAt(rows, place).push(to)
    }
    const isTooMany =
      reached.length > operations.length + 1 || reached.length * operations.length > MOST_STEPS
    if (isTooMany) return nothing
  }
  const effects = new Map<Operation<Input, Output>, Effect>()
  for (const [place, operation] of operations.entries()) {
    const effect = effectOf(elementAt(rows, place))
    if (effect === undefined) return nothing
    effects.set(operation, effect)
  }
  return { states, effects }
}

function effectOf(nexts: readonly number[]): Effect | undefined {
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
