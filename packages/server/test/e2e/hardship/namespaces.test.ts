import { expect, test } from 'vitest'
import type { ReplicaStatus } from 'synod'
import { KvClient } from 'synod-server'
import { startCluster } from '../processes.js'
import { settledStatuses, statusesWhen } from '../settled.js'
import { Namespaces, whyNoNamespaces } from './namespaces.js'
import { Pulse } from './pulse.js'

const PATIENCE_MS = 60_000
/** Increments that must be acknowledged while a cable is out. */
const INCREMENTS = 20

const whyNot = whyNoNamespaces()
if (whyNot !== undefined) console.log(`clusters in network namespaces are skipped: ${whyNot}`)

test.skipIf(whyNot !== undefined)(
  'while cables between machines are unplugged and plugged in, the cluster goes on and then reunites',
  async () => {
    const site = Namespaces.create(3)
    await using cluster = await startCluster({ mode: 'leader', replicas: site })
    await using client = await KvClient.connect({ endpoints: cluster.endpoints, timeoutMs: PATIENCE_MS })
    const pulse = new Pulse()
    const controller = new AbortController()
    const loop = (async () => {
      while (!controller.signal.aborted) {
        expect(await client.increment('n')).toMatchObject({ value: BigInt(pulse.count + 1) })
        pulse.beat()
      }
    })()
    const increments = async () => {
      for (let count = 0; count < INCREMENTS; count++) await Promise.race([pulse.next(), loop])
    }
    const settledLeader = () =>
      statusesWhen(cluster.endpoints, PATIENCE_MS, (statuses) =>
        statuses.every(({ leader }) => leader !== null && leader === statuses[0]?.leader),
      )

    await increments()
    const leader = (await settledLeader())[0]?.leader ?? 0
    const [follower = 0] = site.ids.filter((id) => id !== leader)
    pulse.longestPauseMs()

    // The follower misses a leader that the third server hears: it disturbs neither.
    site.cable(leader, follower, 'down')
    await statusesWhen(cluster.endpoints, PATIENCE_MS, (statuses) => missesLeader(statuses, follower))
    await increments()
    const withoutOneMs = pulse.longestPauseMs()
    site.cable(leader, follower, 'up')
    const stayed = (await settledLeader())[0]?.leader === leader
    pulse.longestPauseMs()

    // The other two elect one of them.
    site.cables(leader, 'down')
    await statusesWhen(cluster.endpoints, PATIENCE_MS, (statuses) =>
      statuses.some(({ role, server }) => role === 'leader' && server !== leader),
    )
    await increments()
    const withoutLeaderMs = pulse.longestPauseMs()
    site.cables(leader, 'up')
    await settledLeader()

    controller.abort()
    await loop
    const statuses = await settledStatuses(cluster.endpoints, PATIENCE_MS)
    expect(new Set(statuses.map(({ digest }) => digest)).size).toBe(1)
    process.stdout.write(
      `network namespaces: longest pause ${Math.round(withoutOneMs)} ms with one cable out of a leader ` +
        `(which ${stayed ? 'stayed' : 'changed'}), ${Math.round(withoutLeaderMs)} ms with both\n`,
    )
  },
)

/** Whether it follows no leader. */
function missesLeader(statuses: readonly ReplicaStatus[], follower: number): boolean {
  return statuses.some(({ leader, server }) => server === follower && leader === null)
}
