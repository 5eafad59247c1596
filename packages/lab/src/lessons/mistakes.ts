import type { Core } from '../engine/core.js'
import { type Lesson, parseLesson } from './lesson.js'

interface Mistake {
  /** The rule that is left out. */
  readonly title: string
  readonly load: () => Promise<Core>
}

/** By the name of the patch. Each has a script of the same name, in which it breaks something. */
export const MISTAKES: Readonly<Record<string, Mistake>> = {
  'h14-slot-promise-not-restored': {
    title: 'It forgets its promise when it restarts',
    load: () => import('planted:h14-slot-promise-not-restored'),
  },
  'h02-accept-checks-no-bound': {
    title: 'It votes at a ballot below the one that it promised',
    load: () => import('planted:h02-accept-checks-no-bound'),
  },
  'h09-leaderless-ignores-votes': {
    title: 'It proposes its own value, though it was told of a vote',
    load: () => import('planted:h09-leaderless-ignores-votes'),
  },
  'h08-leaderless-adopts-first-vote-heard': {
    title: 'It adopts any vote, not the one at the highest ballot',
    load: () => import('planted:h08-leaderless-adopts-first-vote-heard'),
  },
  'h01-quorum-off-by-one': {
    title: 'It takes one vote too few for a quorum',
    load: () => import('planted:h01-quorum-off-by-one'),
  },
}

const scripts = import.meta.glob<string>('./broken/*.txt', { query: '?raw', import: 'default', eager: true })

/** The stories in which they break something. */
export const MISTAKE_LESSONS: readonly Lesson[] = Object.keys(MISTAKES).map((name) =>
  parseLesson(name, scripts[`./broken/${name}.txt`] ?? ''),
)
