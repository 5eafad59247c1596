/** A check that tries seeds, or, the model checker, all states of some small clusters: `trial.ts` runs it. */
export interface Check {
  /** As the hunt calls it. */
  readonly words: string
  readonly modes: readonly ('leader' | 'leaderless')[]
  /** A mistake anywhere else than under one of these paths does not show in it. */
  readonly within: readonly string[]
  /** What it finds follows from chance alone: no test of one mistake, no search of all states. */
  readonly isRandom: boolean
}

const CORE = ['packages/synod/src/paxos/']
const LIBRARY = ['packages/synod/src/']

const BOTH = ['leader', 'leaderless'] as const

export type CheckName = 'core' | 'episodes' | 'changes' | 'simulator' | 'model'

/** What is quick comes first. */
export const CHECKS: Readonly<Record<CheckName, Check>> = {
  core: { words: 'core', modes: BOTH, within: CORE, isRandom: true },
  episodes: { words: 'core in episodes', modes: BOTH, within: CORE, isRandom: true },
  changes: { words: 'core, where servers come and go', modes: BOTH, within: CORE, isRandom: true },
  simulator: { words: 'simulator', modes: BOTH, within: LIBRARY, isRandom: true },
  model: { words: 'model', modes: BOTH, within: CORE, isRandom: false },
}
