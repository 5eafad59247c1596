import { expect, test } from 'vitest'
import { KvClient } from 'synod-server'
import { startCluster } from './processes.js'
import { settledStatuses } from './settled.js'

/** How long replicas are killed: `SYNOD_KILL_SECONDS=3600 npx vitest run packages/server/test/e2e/kill-and-restart.test.ts`. */
const SECONDS = Number(process.env.SYNOD_KILL_SECONDS ?? 20)
const CLIENTS = 16
const KILL_EVERY_MS = 1000
const SETTLE_MS = 60_000

test.each(['leader', 'leaderless'] as const)(
  'in %s mode, increments count exactly once while random replicas are killed and restarted, from snapshots',
  async (mode) => {
    // So often that most who come back need one of a peer.
    const args = ['--snapshot-every', '300', '--keep-slots', '100']
    await using cluster = await startCluster({ mode, replicas: 3, args })
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, () =>
        KvClient.connect({ endpoints: cluster.endpoints, timeout_ms: SETTLE_MS }),
      ),
    )
    const acknowledged = { own: clients.map(() => 0n), shared: 0n }
    let running = true

    /** Each client increments a counter of its own, which must go up by one each time, and one that all share. */
    const loops = clients.map(async (client, index) => {
      while (running) {
        const own = await client.increment(`own-${index}`)
        const before = acknowledged.own[index] ?? 0n
        expect(own).toMatchObject({ type: 'increment', value: before + 1n })
        acknowledged.own[index] = before + 1n
        await client.increment('shared')
        acknowledged.shared++
      }
    })

    const victims: number[] = []
    const end_ms = performance.now() + SECONDS * 1000
    for (let next_ms = performance.now(); next_ms < end_ms; next_ms += KILL_EVERY_MS) {
      const victim = cluster.replicas[Math.floor(Math.random() * cluster.replicas.length)]
      if (victim === undefined) throw new Error('no replica')
      await Promise.race([sleep(next_ms - performance.now()), ...loops])
      victims.push(victim.id)
      await victim.kill('SIGKILL')
      await victim.restart()
    }
    running = false
    await Promise.all(loops)

    const [client] = clients
    if (client === undefined) throw new Error('no client')
    const values = await Promise.all(clients.map((_, index) => client.get(`own-${index}`)))
    const told = `killed ${victims.map((id) => `s${id}`).join(' ')}`
    expect(
      values.map((value) => BigInt(String(value))),
      told,
    ).toEqual(acknowledged.own)
    expect(BigInt(String(await client.get('shared'))), told).toBe(acknowledged.shared)
    for (const own of acknowledged.own) expect(own, told).toBeGreaterThan(0n)

    // One digest over everything that was executed, at the same slot on every replica.
    const statuses = await settledStatuses(cluster.endpoints, SETTLE_MS).catch((error: unknown) => {
      throw new Error(cluster.replicas.map(({ id, log }) => `s${id}: ${log.slice(-2000)}`).join('\n'), {
        cause: error,
      })
    })
    expect(new Set(statuses.map(({ digest }) => digest)).size, told).toBe(1)
    for (const { bars } of statuses) expect(bars.snapshotted, told).toBeGreaterThan(0)
    process.stdout.write(
      `${mode}: ${acknowledged.shared * 2n} increments, ${victims.length} kills, ${statuses[0]?.bars.executed ?? 0} slots\n`,
    )
    await Promise.all(clients.map((each) => each.close()))
  },
  (SECONDS + 100) * 1000,
)

function sleep(duration_ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, duration_ms))
}
