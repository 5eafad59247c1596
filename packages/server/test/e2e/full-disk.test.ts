// Servers on a disk of 420 MiB that another program fills: a tmpfs, which takes the right to mount
// one.
import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { KvClient } from 'synod-server'
import { runCli, startCluster } from './processes.js'
import { statusesWhen } from './settled.js'

const PATIENCE_MS = 60_000
const run = promisify(execFile)

const mountPoint = await mkdtemp(join(tmpdir(), 'synod-disk-'))
const whyNot = await run('mount', ['-t', 'tmpfs', '-o', 'size=420m', 'tmpfs', mountPoint]).then(
  () => undefined,
  (error: unknown) => String(error),
)
if (whyNot !== undefined) console.log(`a full disk under real processes is skipped: ${whyNot}`)

afterAll(async () => {
  if (whyNot === undefined) await run('umount', [mountPoint])
  await rmdir(mountPoint)
})

test.skipIf(whyNot !== undefined)(
  'full disks: writes are refused, reads and deletes work, and writes resume without a restart',
  { timeout: 4 * PATIENCE_MS },
  async () => {
    const before = process.env.TMPDIR
    process.env.TMPDIR = mountPoint
    try {
      await using cluster = await startCluster({ mode: 'leader', replicas: 3 })
      const { endpoints } = cluster
      const synod = (...args: string[]) =>
        runCli([...args, '--endpoints', endpoints.join(','), '--timeout-ms', '20000'])
      const all = (state: string) =>
        statusesWhen(endpoints, PATIENCE_MS, (statuses) =>
          statuses.every(
            ({ peers, space }) => space.state === state && peers.every((peer) => peer.space === state),
          ),
        )
      expect((await synod('put', 'a', '1')).code).toBe(0)
      await all('ample')
      await statusesWhen(endpoints, PATIENCE_MS, (statuses) =>
        statuses.every(({ space }) => space.reservedBytes >= 25 * 2 ** 20),
      )
      const filler = join(mountPoint, 'filler')
      await run('sh', ['-c', `head -c 1G /dev/zero > ${filler}`]).catch(() => undefined)
      await all('full')
      const refused = await synod('put', 'b', '2')
      expect([refused.code, refused.stderr]).toEqual([
        expect.any(Number),
        expect.stringContaining('disk-full'),
      ])
      expect(refused.code).not.toBe(0)
      expect((await synod('get', 'a')).stdout).toContain('1')
      expect((await synod('del', 'a')).code).toBe(0)
      expect((await synod('status')).stdout).toContain('its disk is full')
      await rm(filler)
      await all('ample')
      expect((await synod('put', 'b', '2')).code).toBe(0)
    } finally {
      if (before === undefined) delete process.env.TMPDIR
      else process.env.TMPDIR = before
    }
  },
)

test.skipIf(whyNot !== undefined)(
  'a leader with a full disk transfers the leadership, and writes go on',
  { timeout: 4 * PATIENCE_MS },
  async () => {
    await using cluster = await startCluster({ mode: 'leader', replicas: 3 })
    const { endpoints, replicas } = cluster
    const [small] = replicas
    if (small === undefined) throw new Error('no replica')
    await small.kill('SIGTERM')
    const dataDir = join(mountPoint, 's1')
    await cp(small.dataDir, dataDir, { recursive: true })
    await small.restart(['--data-dir', dataDir])
    const s1 = (state: string, leads: boolean) =>
      statusesWhen(endpoints, PATIENCE_MS, (statuses) =>
        statuses.every(
          ({ leader, peers, server, space }) =>
            leader !== null &&
            (leader === 1) === leads &&
            (server === 1 ? space.state : peers.find((peer) => peer.server === 1)?.space) === state,
        ),
      )
    await statusesWhen(endpoints, PATIENCE_MS, (statuses) =>
      statuses.every(({ admitted, leader }) => admitted && leader !== null),
    )
    const transferred = await runCli(['transfer', '--to', 's1', '--endpoints', endpoints.join(',')])
    expect(transferred, transferred.stderr).toMatchObject({ code: 0 })
    await s1('ample', true)
    await using client = await KvClient.connect({ endpoints, timeoutMs: PATIENCE_MS })
    const filler = join(mountPoint, 'filler')
    await run('sh', ['-c', `head -c 1G /dev/zero > ${filler}`]).catch(() => undefined)
    await s1('full', false)
    for (let n = 0; n < 50; n++) await client.put(`key-${n}`, 'x'.repeat(1000))
    await rm(filler)
    await s1('ample', false)
    await client.put('after', 'all')
    // The mount can only go when nothing uses it.
    await small.kill('SIGKILL')
  },
)
