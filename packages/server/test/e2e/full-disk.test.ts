// Three servers on one disk of 420 MiB that another program fills: a tmpfs, which takes the right to mount one.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
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

test.skipIf(whyNot !== undefined)(
  'a full disk: writes are refused, reads and deletes go on, and writes resume without a restart',
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
        statuses.every(({ space }) => space.reserved_bytes >= 25 * 2 ** 20),
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
      await run('umount', [mountPoint])
      await rmdir(mountPoint)
    }
  },
)
