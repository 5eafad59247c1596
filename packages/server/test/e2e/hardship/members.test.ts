import { test } from 'vitest'
import { connect } from 'synod'
import { Chance } from 'synod-testing'
import { startCluster } from '../processes.js'
import { type Hardship, REPLICA_HARDSHIPS, sleep } from './hardships.js'
import { MOST_SERVERS, type MemberScene, memberChanges } from './member-changes.js'
import { LONGEST_MS, SECONDS, SEED, SNAPSHOTS_OFTEN, runHardships } from './run-hardships.js'

/** The most faults of replicas during one change: then it must be made. */
const MOST_FAULTS = 3
const PATIENCE_MS = 60_000

test.each(['leader', 'leaderless'] as const)(
  'in %s mode, nothing is lost, doubled or reordered while servers are added, removed and replaced and others are killed and stopped',
  async (mode) => {
    const chance = new Chance(SEED)
    await using cluster = await startCluster({
      mode,
      replicas: MOST_SERVERS + 1,
      founders: 3,
      args: SNAPSHOTS_OFTEN,
    })
    await using watcher = connect({ endpoints: cluster.endpoints, timeoutMs: 300 })
    await using operator = connect({ endpoints: cluster.endpoints, timeoutMs: PATIENCE_MS })
    const scene: MemberScene = {
      ...{ cluster, chance, longestMs: LONGEST_MS },
      status: () => watcher.status(),
      change: (change) => operator.changeMembership(change),
    }
    const draw = () => [withReplicaFaults(chance.pick(memberChanges(scene)))]
    await runHardships({ file: 'members.test.ts', mode, scene, draw })
  },
  (SECONDS + 180) * 1000,
)

/**
 * A change of the membership, with one hardship of replicas after the other until it has come
 * through.
 */
function withReplicaFaults(change: Hardship<MemberScene>): Hardship<MemberScene> {
  return {
    ...change,
    run: async (scene) => {
      const told: string[] = []
      let isOver = false
      const changed = change.run(scene).finally(() => (isOver = true))
      const faults = async () => {
        const most = scene.chance.below(MOST_FAULTS + 1)
        for (let i = 0; i < most && !isOver; i++) {
          await sleep(scene.chance.between(0, 500))
          told.push(await scene.chance.pick(REPLICA_HARDSHIPS).run(scene))
        }
      }
      const [what] = await Promise.all([changed, faults()])
      return [what, ...told].join(', ')
    },
  }
}
