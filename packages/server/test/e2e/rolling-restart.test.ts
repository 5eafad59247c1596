import { expect, test } from 'vitest'
import { KvClient } from 'synod-server'
import { startCluster } from './processes.js'
import { statusesWhen } from './settled.js'

/**
 * How often all three are restarted: `SYNOD_ROLLING_ROUNDS=20 npx vitest run
 * packages/server/test/e2e/rolling-restart.test.ts`.
 */
const ROUNDS = Number(process.env.SYNOD_ROLLING_ROUNDS ?? 2)
const CLIENTS = 8
const SETTLE_MS = 60_000

test(
  'all replicas are restarted one after the other under load, and no request fails',
  async () => {
    await using cluster = await startCluster({ mode: 'leader', replicas: 3 })
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, () =>
        KvClient.connect({ endpoints: cluster.endpoints, timeoutMs: SETTLE_MS }),
      ),
    )
    let isRunning = true
    let acknowledged = 0n
    /** The longest time in which nothing was acknowledged, since it was last looked at. */
    let longestMs = 0
    let lastMs = performance.now()
    const note = () => {
      const nowMs = performance.now()
      longestMs = Math.max(longestMs, nowMs - lastMs)
      lastMs = nowMs
    }
    const loops = clients.map(async (client) => {
      while (isRunning) {
        await client.increment('n')
        acknowledged++
        note()
      }
    })

    const pausesMs: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      for (const replica of cluster.replicas) {
        longestMs = 0
        await Promise.race([replica.kill('SIGTERM'), ...loops])
        note()
        await replica.restart()
        await statusesWhen(cluster.endpoints, SETTLE_MS, (statuses) =>
          statuses.every(({ leader, peers }) => leader !== null && peers.every(({ up }) => up)),
        )
        note()
        pausesMs.push(longestMs)
      }
    }
    isRunning = false
    await Promise.all(loops)
    const [client] = clients
    expect(BigInt(String(await client?.get('n')))).toBe(acknowledged)
    const sorted = [...pausesMs].sort((a, b) => a - b)
    const [medianMs, mostMs] = [sorted[sorted.length >> 1], sorted.at(-1)].map((it) => Math.round(it ?? 0))
    process.stdout.write(
      `rolling restart: ${pausesMs.length} restarts, ${acknowledged} increments; longest pause of each: ` +
        `median ${medianMs} ms, most ${mostMs} ms\n`,
    )
    // However busy the machine is, this is far less than an election that waits for timeouts would
    // take each time.
    expect(medianMs).toBeLessThan(2000)
    await Promise.all(clients.map((each) => each.close()))
  },
  (ROUNDS * 30 + 100) * 1000,
)
