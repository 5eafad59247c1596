import { expect, test } from 'vitest'
import type { Mode, ReplicaStatus } from 'synod'
import { KvClient } from 'synod-server'
import { type TestCluster, type TestReplica, startCluster } from '../processes.js'
import { settledStatuses, statusesWhen } from '../settled.js'
import { Pulse } from './pulse.js'
import { injectFault, whyNoStrace } from './strace.js'

const PATIENCE_MS = 60_000
/** Increments that must be acknowledged while the disk of one replica fails. */
const ENOUGH = 20
const ELECTION_TIMEOUT_MS = 500
/** What a busy machine may add. */
const SLACK_MS = 5000

const whyNot = await whyNoStrace()
if (whyNot !== undefined) console.log(`failing disks of real processes are skipped: ${whyNot}`)

/**
 * Clients increment one counter as long as `during` takes, each increment once; then all replicas
 * must be the same.
 */
async function underLoad(cluster: TestCluster, during: (pulse: Pulse) => Promise<void>): Promise<void> {
  await using client = await KvClient.connect({ endpoints: cluster.endpoints, timeoutMs: PATIENCE_MS })
  const pulse = new Pulse()
  const controller = new AbortController()
  const loop = (async () => {
    while (!controller.signal.aborted) {
      expect(await client.increment('n')).toMatchObject({ value: BigInt(pulse.count + 1) })
      pulse.beat()
    }
  })()
  await Promise.race([loop, during(pulse)])
  controller.abort()
  await loop
  const statuses = await settledStatuses(cluster.endpoints, PATIENCE_MS)
  expect(new Set(statuses.map(({ digest }) => digest)).size).toBe(1)
}

async function enough(pulse: Pulse): Promise<void> {
  for (let count = 0; count < ENOUGH; count++) await pulse.next()
}

/** The leader; any one in leaderless mode. */
async function first(cluster: TestCluster, mode: Mode): Promise<TestReplica> {
  const has = ({ leader }: ReplicaStatus) => mode === 'leaderless' || leader !== null
  const [status] = await statusesWhen(cluster.endpoints, PATIENCE_MS, (statuses) => statuses.every(has))
  const replica = cluster.replicas.find(({ id }) => id === (status?.leader ?? 1))
  if (replica === undefined) throw new Error('no leader')
  return replica
}

test.skipIf(whyNot !== undefined).each(['leader', 'leaderless'] as const)(
  'in %s mode, a replica whose disk fails ends with the reason; the others go on, and it restarts without loss',
  async (mode) => {
    await using cluster = await startCluster({ mode, replicas: 3 })
    await underLoad(cluster, async (pulse) => {
      await enough(pulse)
      const replica = await first(cluster, mode)
      {
        // Every later one succeeds: a second try would report that all is well.
        await using _ = await injectFault(replica.pid, 'pwrite64:error=EIO:when=1')
        const { code, stderr } = await replica.exit()
        expect(code).toBe(1)
        expect(stderr).toMatch(/^error: the journal could not be written: EIO: .*write.*\(journal-failed\)$/m)
      }
      await enough(pulse)
      await replica.restart()
      await enough(pulse)
    })
  },
)

test.skipIf(whyNot !== undefined)(
  'a leader whose disk takes 3 s for a write loses the leadership, and the cluster goes on',
  async () => {
    await using cluster = await startCluster({ mode: 'leader', replicas: 3 })
    await underLoad(cluster, async (pulse) => {
      await enough(pulse)
      const leader = await first(cluster, 'leader')
      pulse.longestPauseMs()
      await using _ = await injectFault(leader.pid, 'pwrite64:delay_enter=3000000')
      const statuses = await statusesWhen(
        cluster.endpoints,
        PATIENCE_MS,
        (all) =>
          all.some(({ role, server }) => role === 'leader' && server !== leader.id) &&
          all.some(
            ({ journal, role, server }) =>
              server === leader.id && role === 'follower' && (journal?.writingMs ?? 0) > 0,
          ),
      )
      await enough(pulse)
      const pauseMs = pulse.longestPauseMs()
      const writingMs = statuses.find(({ server }) => server === leader.id)?.journal?.writingMs ?? 0
      process.stdout.write(
        `a stuck disk: its leader had been writing for ${Math.round(writingMs)} ms when another one led; ` +
          `longest pause ${Math.round(pauseMs)} ms\n`,
      )
      expect(pauseMs).toBeLessThan(3 * ELECTION_TIMEOUT_MS + SLACK_MS)
    })
  },
)
