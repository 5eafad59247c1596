// A backup is taken while a cluster works, and restored into a new one: it holds one moment of the
// old cluster, whole.
import { readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { KvClient } from 'synod-server'
import { freePorts } from './ports.js'
import { runCli, startCluster, temporaryDirectory } from './processes.js'
import { SynodProcess } from './synod-process.js'

const BEFORE = 100
const timeout = 300_000

test.each(['leader', 'leaderless'] as const)(
  'in %s mode, a backup is saved under load and restored',
  { timeout },
  async (mode) => {
    await using cluster = await startCluster({ mode, replicas: 3 })
    await using client = await KvClient.connect({ endpoints: cluster.endpoints })
    for (let n = 0; n < BEFORE; n++) await client.put(`key${n}`, `value${n}`)
    const directory = await temporaryDirectory()
    const file = join(directory, 'backup.snapshot')
    const endpoints = ['--endpoints', cluster.endpoints.join(',')]

    // A counter goes up all the while: the backup has a value of it, and all keys that were written
    // before that.
    let counted = 0
    let isOver = false as boolean
    const load = (async () => {
      while (!isOver) {
        await client.put(`late${counted}`, 'value')
        await client.increment('counter', 1n)
        counted++
      }
    })()
    const saved = await runCli(['snapshot', 'save', file, ...endpoints], {})
    expect(saved, saved.stderr).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('cluster test, slot '),
    })
    isOver = true
    await load
    expect(await readdir(directory)).toEqual(['backup.snapshot'])
    expect((await stat(file)).mode & 0o777).toBe(0o600)

    const again = await runCli(['snapshot', 'save', file, ...endpoints], {})
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('is there already') })

    const status = await runCli(['snapshot', 'status', file, '--json'], {})
    const info = JSON.parse(status.stdout) as { keys: number; slot: number; members: number[] }
    expect(info).toMatchObject({ cluster: 'test', mode, members: [1, 2, 3] })
    expect(info.keys).toBeGreaterThanOrEqual(BEFORE)

    const damaged = join(directory, 'damaged')
    const bytes = await readFile(file)
    bytes[bytes.length >> 1]! ^= 1
    await writeFile(damaged, bytes)
    expect(await runCli(['snapshot', 'status', damaged], {})).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot be used'),
    })

    const [port, dataDir] = [await freePorts(2), join(directory, 'restored')]
    const address = `127.0.0.1:${port}`
    const restored = await runCli(
      ['snapshot', 'restore', file, '--data-dir', dataDir, '--id', '1', '--address', address],
      {},
    )
    expect(restored, restored.stderr).toMatchObject({ code: 0 })
    const where = ['--servers', `1=${address}`, '--clients', `127.0.0.1:${port + 1}`, '--data-dir', dataDir]
    await using server = new SynodProcess([
      ...['serve', '--id', '1', '--cluster-name', 'test', '--mode', mode],
      ...where,
    ])
    await server.stdoutMatch(/^ready /m)
    await using after = await KvClient.connect({ endpoints: [`127.0.0.1:${port + 1}`] })
    for (let n = 0; n < BEFORE; n++) expect(String(await after.get(`key${n}`))).toBe(`value${n}`)
    const count = Number((await after.get('counter')) ?? 0)
    expect(count).toBeLessThanOrEqual(counted)
    for (let n = 0; n < count; n++) expect(String(await after.get(`late${n}`))).toBe('value')
    expect(await after.get(`late${count + 1}`)).toBeNull()
    await after.put('after', 'all')
  },
)
