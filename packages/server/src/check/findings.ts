import type { Action, Goal, BreadthFirstProgress, RandomProgress } from 'synod-testing'

/** How far a search has come. */
export type SearchProgress = BreadthFirstProgress | RandomProgress

/** Why a search ended. */
export type End = 'exhausted' | 'walked' | 'reached' | SearchFailure

/** Ends that are failures; each is the code of an error. */
export type SearchFailure = 'violation' | 'unreached' | 'unproven' | 'interrupted'

/** A way to the violation or to the goals, from new servers on. */
export interface FoundPath {
  /** Each step in words. */
  readonly steps: readonly string[]
  /** The same for programs. */
  readonly actions: readonly Action[]
  /** The same as the lines of a trace. */
  readonly trace: readonly string[]
}

export const NO_PATH: FoundPath = { steps: [], actions: [], trace: [] }

/** The results of a search. */
export interface Findings extends FoundPath {
  readonly end: End
  /**
   * The invariant that is broken, the goal that was not reached, or why states may have been left
   * out.
   */
  readonly detail: string | undefined
  readonly progress: SearchProgress
  /** The goals that it reached on its way. */
  readonly goals: readonly Goal[]
}

/** A running search, which yields its progress. */
export type RunningSearch = Generator<SearchProgress, Findings>

export function isFailure(end: End): end is SearchFailure {
  return end !== 'exhausted' && end !== 'walked' && end !== 'reached'
}
