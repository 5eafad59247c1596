import type { Action, Goal, Progress, RandomProgress } from 'synod-testing'

/** How far a search has come. */
export type SearchProgress = Progress | RandomProgress

/** Why a search ended. */
export type End = 'exhausted' | 'walked' | 'reached' | Failure

/** Ends that are failures; each is the code of an error. */
export type Failure = 'violation' | 'unreached' | 'unproven' | 'interrupted'

/** A way to the violation or to the goals, from new servers on. */
export interface Way {
  /** Each step in words. */
  readonly steps: readonly string[]
  /** The same for programs. */
  readonly actions: readonly Action[]
  /** The same as the lines of a trace. */
  readonly trace: readonly string[]
}

export const NO_WAY: Way = { steps: [], actions: [], trace: [] }

/** The results of a search. */
export interface Findings extends Way {
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
export type Search = Generator<SearchProgress, Findings>

export function isFailure(end: End): end is Failure {
  return end !== 'exhausted' && end !== 'walked' && end !== 'reached'
}
