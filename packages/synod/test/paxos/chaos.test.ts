import { describe, test } from 'vitest'
import { exploreCore } from '../../../testing/src/cluster/explore-core.js'
import { exploreEpisodes } from '../../../testing/src/cluster/explore-episodes.js'
import { exploreMembership } from '../../../testing/src/cluster/explore-membership.js'
import { exploreSlowLinks } from '../../../testing/src/cluster/explore-slow-links.js'
import { forSeeds } from './replay.js'

describe.each(['leader', 'leaderless'] as const)(
  '%s mode under loss, duplicates, reordering, cuts, crashes',
  (mode) => {
    const timeoutMs = 600_000
    test.each([3, 5])(
      '%i servers agree, and a healed cluster makes progress',
      { timeout: timeoutMs },
      (servers) => {
        forSeeds(import.meta.url, 100, (seed) => exploreCore(mode, seed, servers))
      },
    )

    test('and so they do in episodes, each run of its own kind', { timeout: timeoutMs }, () => {
      forSeeds(import.meta.url, 100, (seed) => exploreEpisodes(mode, seed))
    })

    test('and so they do on links that are slow, each in its own way', { timeout: timeoutMs }, () => {
      forSeeds(import.meta.url, 60, (seed) => exploreSlowLinks(mode, seed))
    })

    test('and so do servers that come and go', { timeout: timeoutMs }, () => {
      forSeeds(import.meta.url, 100, (seed) => exploreMembership(mode, seed))
    })
  },
)
