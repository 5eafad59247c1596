import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestReplica, runCli, startCluster } from '../processes.js'
import { settledStatuses, statusesWhen } from '../settled.js'
import { untilVoters } from '../membership.js'
import { underLoad } from '../under-load.js'
import { type NextBuild, nextBuild } from './next-build.js'

const CLIENTS = 4
const PATIENCE_MS = 60_000

let next: NextBuild
beforeAll(async () => {
  next = await nextBuild()
})
afterAll(() => next[Symbol.asyncDispose]())

const endpointsOf = (replicas: readonly TestReplica[]) => replicas.map(({ endpoint }) => endpoint)

test.each(['leader', 'leaderless'] as const)(
  'in %s mode: servers are upgraded one by one under load while one joins, and a downgrade is refused',
  { timeout: 240_000 },
  async (mode) => {
    await using cluster = await startCluster({ mode, replicas: 4, founders: 3 })
    const { replicas } = cluster
    const upgrade = async (replica: TestReplica) => {
      replica.bin = next.bin
      expect(await replica.kill('SIGTERM')).toMatchObject({ code: 0 })
      await replica.restart()
      await statusesWhen(endpointsOf(replicas), PATIENCE_MS, (statuses) =>
        statuses.every(
          ({ leader, peers }) => (mode === 'leaderless' || leader !== null) && peers.every(({ up }) => up),
        ),
      )
    }
    const upgradeAll = async () => {
      const [first, second, third] = replicas
      for (const replica of [first!, second!]) await upgrade(replica)
      // It joins with the build from before, while the first servers run the next one.
      const { code, stderr } = await runCli([
        ...['member', 'add', `4=${cluster.address(4)}`, '--endpoints', cluster.endpoints.join(',')],
        ...['--timeout-ms', String(PATIENCE_MS)],
      ])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const fourth = await cluster.join(4)
      await untilVoters(replicas)
      await upgrade(third!)
      const mixed = await statusesWhen(endpointsOf(replicas), PATIENCE_MS, () => true)
      expect(mixed.map(({ versions }) => versions.agreed.format)).toEqual([2, 2, 2, 2])
      const spoken = mixed[0]!.peers.map(({ protocol, server }) => [server, protocol])
      expect(spoken).toEqual([
        [2, 3],
        [3, 3],
        [4, 2],
      ])
      await upgrade(fourth)
      await statusesWhen(endpointsOf(replicas), PATIENCE_MS, (statuses) =>
        statuses.every(({ versions }) => versions.agreed.format === 3),
      )
    }
    await underLoad(cluster.endpoints, CLIENTS, upgradeAll)

    // Notes go on being written, though no client writes: all execute them, and come to the same.
    const [status] = await statusesWhen(endpointsOf(replicas), PATIENCE_MS, () => true)
    const later = (status?.watermarks.executed ?? 0) + 3
    await statusesWhen(endpointsOf(replicas), PATIENCE_MS, (statuses) =>
      statuses.every(({ watermarks }) => watermarks.executed >= later),
    )
    const settled = await settledStatuses(endpointsOf(replicas), PATIENCE_MS)
    expect(new Set(settled.map(({ digest }) => digest)).size).toBe(1)
    expect(settled.map(({ peers }) => peers.map(({ protocol }) => protocol))).toEqual(
      Array(4).fill([3, 3, 3]),
    )

    const [first] = replicas
    first!.bin = undefined
    await first!.kill('SIGTERM')
    expect(await first!.startAndExit()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /the replicated state has format version 3, and the build of (?:this server|s1) knows versions 1 to 2: start it with a newer build.*\(wrong-version\)$/m,
      ) as string,
    })
    first!.bin = next.bin
    await first!.restart()
    await settledStatuses(endpointsOf(replicas), PATIENCE_MS)
  },
)
