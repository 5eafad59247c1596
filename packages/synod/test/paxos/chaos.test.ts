import { describe, test } from 'vitest'
import { exploreCore } from '../../../testing/src/cluster/explore-core.js'
import { exploreEpisodes } from '../../../testing/src/cluster/explore-episodes.js'
import { exploreFairness } from '../../../testing/src/cluster/explore-fairness.js'
import { exploreMembership } from '../../../testing/src/cluster/explore-membership.js'
import { exploreSlowLinks } from '../../../testing/src/cluster/explore-slow-links.js'
import { forSeeds } from './replay.js'

describe.each(['leader', 'leaderless'] as const)(
  '%s mode under loss, duplicates, reordering, cuts and crashes',
  (mode) => {
    const timeoutMs = 600_000
    test.each([3, 5])(
      '%i servers agree, and a healed cluster makes progress',
      { timeout: timeoutMs },
      (servers) => {
        forSeeds(import.meta.url, 100, (seed) => exploreCore(mode, seed, servers))
      },
    )

    test('servers agree in episodes of different kinds', { timeout: timeoutMs }, () => {
      forSeeds(import.meta.url, 100, (seed) => exploreEpisodes(mode, seed))
    })

    test('servers agree over slow links, each with its own delay', { timeout: timeoutMs }, () => {
      forSeeds(import.meta.url, 60, (seed) => exploreSlowLinks(mode, seed))
    })

    test('servers agree while the membership changes', { timeout: timeoutMs }, () => {
      forSeeds(import.meta.url, 100, (seed) => exploreMembership(mode, seed))
    })
  },
)

test.each([3, 5])('leaderless mode: none of %i servers that propose on and on starves', (servers) => {
  forSeeds(import.meta.url, 500, (seed) => exploreFairness(seed, servers))
})
