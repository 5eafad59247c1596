import { expect, test } from 'vitest'
import { connect } from 'synod'
import { Chance } from 'synod-testing'
import { startCluster } from '../processes.js'
import { HARDSHIPS, type Hardship, type LinkedScene } from './hardships.js'
import { Links } from './links.js'
import { LONGEST_MS, SECONDS, SEED, SNAPSHOTS_OFTEN, runHardships } from './run-hardships.js'

test.each(['leader', 'leaderless'] as const)(
  'in %s mode, nothing is lost, doubled or reordered while replicas are killed and stopped and links are slow and cut',
  async (mode) => {
    const chance = new Chance(SEED)
    const links = await Links.start(3, chance)
    await using cluster = await startCluster({ mode, replicas: links, args: SNAPSHOTS_OFTEN })
    await using watcher = connect({ endpoints: cluster.endpoints, timeoutMs: 300 })
    const scene = { cluster, links, chance, longestMs: LONGEST_MS, status: () => watcher.status() }
    await runHardships({ file: 'hardship.test.ts', mode, scene, draw: () => draw(chance) })
    for (const link of links.all)
      expect(link.carriedBytes.forth, 'a link that nobody uses').toBeGreaterThan(0)
  },
  (SECONDS + 180) * 1000,
)

/** What happens next: now and then two things at a time. */
function draw(chance: Chance): Hardship<LinkedScene>[] {
  const first = chance.pick(HARDSHIPS)
  const others = HARDSHIPS.filter(({ target }) => target !== first.target)
  return chance.happens(0.25) ? [first, chance.pick(others)] : [first]
}
