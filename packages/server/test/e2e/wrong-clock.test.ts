import { expect, test } from 'vitest'
import { KvClient } from 'synod-server'
import { runCli, startCluster } from './processes.js'
import { statusesWhen } from './settled.js'
import { type Site, sideBySide } from './site.js'

const TEN_YEARS_MS = 10 * 365 * 86_400_000
const PATIENCE_MS = 60_000

/** The wall clock of the first server is ten years ahead, from the first line of its program on. */
async function withWrongClock(): Promise<Site> {
  const site = await sideBySide(3)
  const program = `const now=Date.now;Date.now=()=>now()+${TEN_YEARS_MS}`
  const preload = `NODE_OPTIONS=--import=data:text/javascript,${encodeURIComponent(program)}`
  return { ...site, under: (id) => (id === 1 ? ['env', preload] : []) }
}

test.each(['leader', 'leaderless'] as const)(
  'PITFALL 31: in %s mode, log time is right and a warning appears while the clock of one of three servers is ten years ahead',
  async (mode) => {
    await using cluster = await startCluster({ mode, replicas: await withWrongClock() })
    const { endpoints, replicas } = cluster
    const [wrong] = replicas

    /** A write on each server, after which log time is right on all of them. */
    const write = async () => {
      const beforeMs = Date.now()
      for (const { endpoint, id } of replicas) {
        if (mode === 'leader')
          expect(
            await runCli(['transfer', '--to', `s${id}`, '--endpoints', endpoints.join(',')]),
          ).toMatchObject({
            code: 0,
          })
        await using client = await KvClient.connect({ endpoints: [endpoint] })
        await client.put('key', `by s${id}`, { timeoutMs: PATIENCE_MS })
      }
      const statuses = await statusesWhen(endpoints, PATIENCE_MS, (all) =>
        all.every(
          ({ watermarks, time }) => watermarks.executed === all[0]?.watermarks.executed && time.isMedianKnown,
        ),
      )
      const afterMs = Date.now()
      for (const { server, time } of statuses) {
        expect(time.executedMs, `s${server}`).toBeGreaterThan(beforeMs - 1000)
        expect(time.executedMs, `s${server}`).toBeLessThan(afterMs + 1000)
        const offMs = server === wrong?.id ? TEN_YEARS_MS : 0
        expect(Math.abs(time.clockAheadMs - offMs), `s${server}`).toBeLessThan(1000)
      }
    }

    await write()
    const table = await runCli(['status', '--endpoints', endpoints.join(',')])
    expect(table.stdout).toMatch(
      /^s1 .* 31536\d{4}\.\d s .*its wall clock is 31536\d{4}\.\d s ahead of log time/m,
    )
    await wrong?.logMatch(/the wall clock of this server is \d+ ms ahead of the median/)

    await wrong?.kill('SIGKILL')
    await wrong?.restart()
    await write()
    // All of them: no server has a reading of another when the first one proposes.
    await Promise.all(replicas.map((replica) => replica.kill('SIGKILL')))
    await Promise.all(replicas.map((replica) => replica.restart()))
    await write()
  },
)
