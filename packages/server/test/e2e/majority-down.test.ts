import { expect, test } from 'vitest'
import { KvClient } from 'synod-server'
import { startCluster } from './processes.js'

const DEADLINE_MS = 2000
/** What a busy machine may add to a deadline before the test calls it missed. */
const SLACK_MS = 3000

test.each(['leader', 'leaderless'] as const)(
  'in %s mode, without a majority writes and reads fail within their deadline, and both resume with it',
  async (mode) => {
    await using cluster = await startCluster({ mode, replicas: 3 })
    await using client = await KvClient.connect({ endpoints: cluster.endpoints })
    await client.put('key', 'before')
    const written = client.seen
    const [first, second, third] = cluster.replicas
    // The one that will be left has executed it too.
    await using last = await KvClient.connect({ endpoints: [third?.endpoint ?? ''] })
    expect(String(await last.get('key', { stale: true, atLeast: written }))).toBe('before')
    await Promise.all([first?.kill('SIGKILL'), second?.kill('SIGKILL')])

    for (const attempt of [
      () => client.put('key', 'in doubt', { timeoutMs: DEADLINE_MS }),
      () => client.get('key', { timeoutMs: DEADLINE_MS }),
    ]) {
      const startedMs = performance.now()
      await expect(attempt()).rejects.toMatchObject({ code: 'no-quorum' })
      expect(performance.now() - startedMs).toBeLessThan(DEADLINE_MS + SLACK_MS)
    }

    expect(String(await client.get('key', { stale: true, atLeast: written }))).toBe('before')

    await first?.restart()
    // What was in doubt may have been executed by now, or not; anything else would be a lie.
    expect(['before', 'in doubt']).toContain(String(await client.get('key', { timeoutMs: 30_000 })))
    await client.put('key', 'after')
    expect(String(await client.get('key'))).toBe('after')
    await second?.restart()
    expect(String(await client.get('key'))).toBe('after')
  },
)
