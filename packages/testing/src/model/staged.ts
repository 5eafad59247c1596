import { type Action, actionsAlong } from './actions.js'
import type { Goal } from './goals.js'
import {
  type BreadthFirstOptions,
  type BreadthFirstResult,
  type BreadthFirstProgress,
  breadthFirst,
} from './search-breadth-first.js'
import type { ModelCluster, ModelWorld } from './world.js'

export interface StagedOptions {
  /** Ends beyond this many states, all stages together. */
  readonly maxStates?: number
  readonly every?: number
}

/** A goal that was reached. */
export interface ReachedGoal {
  readonly goal: Goal
  /** What leads there from the goal before. */
  readonly actions: readonly Action[]
  readonly progress: BreadthFirstProgress
}

export interface StagedResult {
  /** `goal`: all goals are reached. The others are about the search for the first that is not. */
  readonly end: BreadthFirstResult['end']
  readonly stages: readonly ReachedGoal[]
  readonly violation: string | undefined
  /** All that has happened, from new servers to the last goal, or to the violation. */
  readonly actions: readonly Action[]
  /** The state in which it ended. */
  readonly cluster: ModelCluster
}

/**
 * Looks for a state that reaches the first goal, from there for one that reaches the second, and so
 * on: so it comes to states that are too far away for a search in all directions. What the
 * configuration allows is allowed once, to all stages together.
 */
export function* staged(
  world: ModelWorld,
  goals: readonly Goal[],
  options: StagedOptions = {},
): Generator<BreadthFirstProgress, StagedResult> {
  const { maxStates = Infinity, every } = options
  const stages: ReachedGoal[] = []
  let actions: readonly Action[] = []
  let cluster = world.start()
  let left = maxStates
  for (const goal of goals) {
    const search: BreadthFirstOptions = {
      from: cluster,
      until: goal,
      maxStates: left,
      ...(every === undefined ? {} : { every }),
    }
    const { end, violation, path, progress } = yield* breadthFirst(world, search)
    const taken = actionsAlong(world, path)
    actions = [...actions, ...taken]
    cluster = path.at(-1) ?? cluster
    left -= progress.states
    if (end !== 'goal') return { end, stages, violation, actions, cluster }
    stages.push({ goal, actions: taken, progress })
  }
  return { end: 'goal', stages, violation: undefined, actions, cluster }
}
