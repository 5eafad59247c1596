import { expect, test } from 'vitest'
import { KvClient } from 'synod-server'
import { Chance } from 'synod-testing'
import { type TestReplica, startCluster } from '../processes.js'
import { statusesWhen } from '../settled.js'
import { Links } from './links.js'
import { median, writeSteadily } from './open-loop.js'
import { SEED } from './run-hardships.js'
import { SLOW_SERVERS, delaySyncs } from './slow-servers.js'
import { whyNoStrace } from './strace.js'

// The measured version: docs/internals/hardship.md says how.
const PAIRS = Number(process.env.SYNOD_SLOW_PAIRS ?? 0)
const MODE = process.env.SYNOD_SLOW_MODE === 'leaderless' ? 'leaderless' : 'leader'
const RATE_PER_SECOND = Number(process.env.SYNOD_SLOW_RATE ?? 100)
const PHASE_MS = 8000
const WARM_UP_MS = 10_000
const MOST_RATIO = 1.2

/** What takes longer than this has failed, however slow the machine is. */
const PATIENCE_MS = 60_000
/** Writes, one after the other, that a follower with a slow disk must not be waited for with. */
const WRITES = 100
const SYNC_MS = 1000

const whyNot = await whyNoStrace()
if (whyNot !== undefined) console.log(`slow disks of real processes are skipped: ${whyNot}`)

/** A cluster that is up, with a client of it, and the server that is to be slow. */
async function start(role: 'follower' | 'leader', mode: 'leader' | 'leaderless') {
  const links = await Links.start(3, new Chance(SEED))
  const cluster = await startCluster({ mode, replicas: links })
  const client = await KvClient.connect({ endpoints: cluster.endpoints, timeoutMs: PATIENCE_MS })
  const [status] = await statusesWhen(cluster.endpoints, PATIENCE_MS, (statuses) =>
    statuses.every(
      ({ leader }) => mode === 'leaderless' || (leader !== null && leader === statuses[0]?.leader),
    ),
  )
  // In leaderless mode none leads: the first one does as well.
  const leader = status?.leader ?? 1
  const replica = cluster.replicas.find(({ id }) => (id === leader) === (role === 'leader'))
  if (replica === undefined) throw new Error('no such replica')
  const dispose = async () => {
    await client.close()
    await cluster.stop()
  }
  return { client, links, replica, [Symbol.asyncDispose]: dispose }
}

async function syncsOf({ endpoint }: TestReplica): Promise<number> {
  const [status] = await statusesWhen([endpoint], PATIENCE_MS, () => true)
  return status?.journal?.groups ?? 0
}

/** The slow days that can be had here; a line above says which cannot. */
const DAYS = Object.entries(SLOW_SERVERS).filter(
  ([, { needsStrace }]) => !needsStrace || whyNot === undefined,
)

test.skipIf(whyNot !== undefined)('writes do not wait for the slow disk of one follower', async () => {
  await using scene = await start('follower', 'leader')
  const { client, replica } = scene
  await client.put('before', 'it')
  await using _ = await delaySyncs(replica, SYNC_MS)
  const before = await syncsOf(replica)
  const begunMs = performance.now()
  for (let count = 0; count < WRITES; count++) await client.put('key', String(count))
  const tookMs = performance.now() - begunMs
  // Had it been waited for, it would have synced once for each.
  const syncs = (await syncsOf(replica)) - before
  process.stdout.write(
    `${WRITES} writes took ${Math.round(tookMs)} ms; a follower role syncs take ${SYNC_MS} ms made ${syncs} of them\n`,
  )
  expect(syncs).toBeLessThan(WRITES / 2)
})

test.each(PAIRS > 0 ? DAYS : [])(
  '%s does not raise the p99 of writes',
  async (name, { control, slow, role }) => {
    await using scene = await start(role, MODE)
    const { client, links, replica } = scene
    await writeSteadily(client, RATE_PER_SECOND, WARM_UP_MS)
    const ratios = { p50: [] as number[], p99: [] as number[] }
    for (let pair = 1; pair <= PAIRS; pair++) {
      const measure = async (begin: typeof slow) => {
        await using _ = await begin(replica, links)
        return await writeSteadily(client, RATE_PER_SECOND, PHASE_MS)
      }
      const without = await measure(control)
      const within = await measure(slow)
      ratios.p50.push(within.p50Ms / without.p50Ms)
      ratios.p99.push(within.p99Ms / without.p99Ms)
      process.stdout.write(
        `${name}: p50 ${within.p50Ms.toFixed(1)} ms, ${without.p50Ms.toFixed(1)} ms without; ` +
          `p99 ${within.p99Ms.toFixed(1)} ms, ${without.p99Ms.toFixed(1)} ms without\n`,
      )
    }
    process.stdout.write(
      `${MODE} mode, ${RATE_PER_SECOND} writes/s, ${name}: median of ratios p50 ${median(ratios.p50).toFixed(2)}, ` +
        `p99 ${median(ratios.p99).toFixed(2)}\n`,
    )
    if (MODE === 'leader') expect(median(ratios.p99)).toBeLessThanOrEqual(MOST_RATIO)
  },
  WARM_UP_MS + PAIRS * 3 * PHASE_MS + 2 * PATIENCE_MS,
)
