import type { ModelConfig } from '../../src/model/config.js'
import { CONFIGURATIONS } from '../../src/model/configurations.js'

/** Clusters whose states are few: one slot, two ballots and one proposal. */
export const TINY: ModelConfig = { ...CONFIGURATIONS['leader-small'], proposals: 1, crashes: 0 }
export const TINY_LEADERLESS: ModelConfig = { ...TINY, mode: 'leaderless', proposals: 2 }

/** What a search answers in the end. */
export function finish<T>(search: Generator<unknown, T>): T {
  for (;;) {
    const { done, value } = search.next()
    if (done === true) return value
  }
}
