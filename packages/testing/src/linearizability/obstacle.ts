import { elementAt } from './element-at.js'
import { type Completed, isCompleted } from './call-list.js'
import type { Operation } from './history.js'
import type { PartialHistory } from './partial-history.js'

/** Configurations to look at in one search. */
const LIMIT = 100_000

/** How far an order of operations can come. */
export interface Obstacle<State, Input, Output> {
  /** The first to return that no order can hold together with all that returned before. */
  readonly operation: Completed<Input, Output>
  /** An order of all that returned before. */
  readonly prefix: readonly Operation<Input, Output>[]
  /** The state after it. */
  readonly state: State
}

/**
 * Finds where operations cease to be linearizable, by bisection: a history up to a later time has
 * no order if one up to an earlier time has none. Where a search gives up, a later obstacle may be
 * found, with an order that does not cover all before it.
 */
export function findObstacle<State, Input, Output>(
  history: PartialHistory<State, Input, Output>,
): Obstacle<State, Input, Output> {
  const byReturn = history.operations.filter(isCompleted).sort((a, b) => a.returned - b.returned)
  let prefix: readonly Operation<Input, Output>[] = []
  let state = history.model.init
  let [low, high] = [0, byReturn.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    const finding = history.search(elementAt(byReturn, middle).returned, LIMIT)
    if (finding.type === 'stuck') high = middle
    else low = middle + 1
    if (finding.type === 'ordered') ({ order: prefix, state } = finding)
  }
  return { operation: elementAt(byReturn, high), prefix, state }
}
