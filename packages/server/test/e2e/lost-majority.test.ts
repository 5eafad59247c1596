// Two of three servers are lost for good, with their disks: what the third one has becomes a new
// cluster, which others join.
import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { KvClient } from 'synod-server'
import { untilVoters } from './membership.js'
import { runCli, startCluster } from './processes.js'

const BEFORE = 200
const timeout = 300_000

test.each(['leader', 'leaderless'] as const)(
  'in %s mode, the surviving server of a lost cluster becomes a new cluster',
  { timeout },
  async (mode) => {
    await using cluster = await startCluster({ mode, replicas: 3 })
    const [first, second, third] = cluster.replicas
    if (first === undefined || second === undefined || third === undefined)
      throw new Error('not three replicas')
    await using client = await KvClient.connect({ endpoints: cluster.endpoints })
    for (let n = 0; n < BEFORE; n++) await client.put(`key${n}`, `value${n}`)
    await using reader = await KvClient.connect({ endpoints: [third.endpoint] })
    await reader.get('key0', { stale: true, atLeast: client.seen })
    // More is under way when they go.
    const underWay = Promise.allSettled(
      Array.from({ length: 50 }, (_, n) => client.put(`late${n}`, 'value', { timeoutMs: 2000 })),
    )

    const running = await recover(cluster.address(1), third.dataDir, `${third.dataDir}-new`)
    expect(running).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is in use by a running process'),
    })

    await third.kill('SIGKILL')
    // A founder, of whose address the log knows nothing.
    await first.kill('SIGKILL')
    const beside = await recover(cluster.address(1), third.dataDir, `${third.dataDir}-new`)
    expect(beside).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        `something answers at ${cluster.address(2)}, where s2 of the old cluster listened`,
      ),
    })
    const inspected = await runCli(['inspect', third.dataDir])
    expect(inspected.stdout).toContain(`s2 ${cluster.address(2)}, s3 ${cluster.address(3)}`)
    await second.kill('SIGKILL')
    for (const { dataDir } of [first, second]) await rm(dataDir, { recursive: true })
    await underWay
    const asked = await runCli(
      [
        'recover',
        '--from',
        third.dataDir,
        '--data-dir',
        first.dataDir,
        '--id',
        '1',
        '--address',
        cluster.address(1),
      ],
      {},
    )
    expect(asked).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('read the plan above, and give --yes'),
    })

    const done = await recover(cluster.address(1), third.dataDir, first.dataDir)
    expect(done, done.stderr).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`${first.dataDir} is a new cluster test of s1 alone.`),
      stderr: expect.stringContaining('s1 and s2 of 3 voters were not given'),
    })

    await first.restart()
    // Who remembers the old cluster is refused: a client, and the server that is left.
    await expect(reader.get('key0', { timeoutMs: 1000 })).rejects.toThrow()
    await expect(client.put('key0', 'again', { timeoutMs: 10_000 })).rejects.toThrow(
      /refuses this client: .*cluster/,
    )
    await third.restart()
    await expect
      .poll(() => third.log, { timeout: 60_000 })
      .toMatch(/s1 and this server do not agree: .*cluster/)
    await third.kill('SIGKILL')
    cluster.leave(second)
    cluster.leave(third)
    await using after = await KvClient.connect({ endpoints: [first.endpoint] })
    for (let n = 0; n < BEFORE; n++) expect(String(await after.get(`key${n}`))).toBe(`value${n}`)

    for (let joined = 0; joined < 2; joined++) await addServer(cluster.newId())
    await untilVoters(cluster.replicas)
    await after.put('after', 'all')
    expect(String(await after.get('after'))).toBe('all')

    async function addServer(id: number): Promise<void> {
      const change = await runCli(
        ['member', 'add', `${id}=${cluster.address(id)}`, '--endpoints', first!.endpoint],
        {},
      )
      expect(change, change.stderr).toMatchObject({ code: 0 })
      await cluster.join(id)
    }
  },
)

function recover(address: string, from: string, dataDir: string) {
  const args = ['recover', '--from', from, '--data-dir', dataDir, '--id', '1', '--address', address, '--yes']
  return runCli(args, {})
}
