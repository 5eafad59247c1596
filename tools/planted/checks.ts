/**
 * A check that tries seeds, or, the model checker, all states of some small clusters: `trial.ts`
 * runs it.
 */
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

/** What has an exploration of its own. */
const PARTS = [
  'paxos/membership',
  'paxos/configuration',
  'paxos/quorum',
  'machine/',
  'journal/',
  'snapshots/',
  'storage/',
  'bytes/',
  'cluster/',
].map((path) => `packages/synod/src/${path}`)

/** What a lost cluster is recovered by, and a backup is saved and restored. */
const RECOVERY = [
  'recovery/',
  'paxos/recovered-log',
  'journal/',
  'snapshots/',
  'machine/',
  'storage/',
  'replica/snapshot',
].map((path) => `packages/synod/src/${path}`)

const BOTH = ['leader', 'leaderless'] as const

export type CheckName =
  | 'parts'
  | 'core'
  | 'episodes'
  | 'links'
  | 'changes'
  | 'recovery'
  | 'simulator'
  | 'server'
  | 'operations'
  | 'store'
  | 'model'

/** What is quick comes first. */
export const CHECKS: Readonly<Record<CheckName, Check>> = {
  parts: { words: 'parts', modes: ['leader'], within: PARTS, isRandom: true },
  core: { words: 'core', modes: BOTH, within: CORE, isRandom: true },
  episodes: { words: 'core in episodes', modes: BOTH, within: CORE, isRandom: true },
  links: { words: 'core on slow links', modes: BOTH, within: CORE, isRandom: true },
  changes: { words: 'core, where servers come and go', modes: BOTH, within: CORE, isRandom: true },
  recovery: { words: 'recovery of a lost cluster', modes: BOTH, within: RECOVERY, isRandom: true },
  simulator: { words: 'simulator', modes: BOTH, within: LIBRARY, isRandom: true },
  server: {
    words: 'simulator with the state machine of the server',
    modes: BOTH,
    within: ['packages/server/src/kv/'],
    isRandom: true,
  },
  store: {
    words: 'store beside its twin',
    modes: ['leader'],
    within: ['packages/store/src/'],
    isRandom: true,
  },
  operations: { words: 'operations', modes: BOTH, within: LIBRARY, isRandom: true },
  model: { words: 'model', modes: BOTH, within: CORE, isRandom: false },
}
