import { cp, mkdir, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { inspectJournal } from 'synod'
import { KvClient } from 'synod-server'
import { type TestCluster, startCluster } from './processes.js'
import { settledStatuses } from './settled.js'

const SETTLE_MS = 30_000

/** Three replicas with something in their journals, and the third one killed. */
async function withThirdDown(): Promise<{ cluster: TestCluster; third: TestCluster['replicas'][number] }> {
  const cluster = await startCluster({ mode: 'leader', replicas: 3 })
  await using client = await KvClient.connect({ endpoints: cluster.endpoints })
  for (let i = 0; i < 50; i++) await client.put(`key-${i}`, 'x'.repeat(100))
  await settledStatuses(cluster.endpoints, SETTLE_MS)
  const third = cluster.replicas[2]
  if (third === undefined) throw new Error('no third replica')
  await third.kill('SIGKILL')
  return { cluster, third }
}

async function journalOf(directory: string): Promise<string> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.journal')).sort()
  return join(directory, names.at(-1) ?? '')
}

test('an emptied data directory is refused as the old server, and the others go on', async () => {
  const { cluster, third } = await withThirdDown()
  await using _ = cluster
  await rm(third.dataDir, { recursive: true })
  const { code, stderr } = await third.startAndExit()
  expect(code).toBe(1)
  expect(stderr).toMatch(/wrong-acceptor/)
  expect(stderr).toMatch(/data directory was emptied or replaced/)
  expect(stderr).toMatch(/start it on its old data directory, or if that is lost/)
  await using client = await KvClient.connect({ endpoints: cluster.endpoints })
  await client.put('still', 'here')
})

test('a flipped byte in the middle of a journal: the server says so, learns, and does not vote', async () => {
  const { cluster, third } = await withThirdDown()
  await using _ = cluster
  const file = await journalOf(third.dataDir)
  const bytes = await readFile(file)
  const middle = Math.floor(bytes.length / 2)
  bytes[middle] = (bytes[middle] ?? 0) ^ 0x10
  await writeFile(file, bytes)
  await third.restart()
  const status = (await settledStatuses(cluster.endpoints, SETTLE_MS)).find(({ server }) => server === 3)
  expect(status).toMatchObject({ role: 'learner', voting: false, recovery: 'damaged-group' })
  expect(status?.damage).toMatch(/does not vote any more, and the others go on/)
  expect(status?.damage).toMatch(/let the server back into the cluster as a new one/)
  expect(await readFile(file), 'the damaged journal is left alone').toEqual(bytes)

  // It serves, but it is no part of a quorum.
  await using client = await KvClient.connect({ endpoints: [cluster.endpoints[2] ?? ''] })
  await client.put('through', 'the learner')
  expect(String(await client.get('through'))).toBe('the learner')
  await cluster.replicas[1]?.kill('SIGKILL')
  await expect(client.put('key', 'value', { timeout_ms: 2000 })).rejects.toMatchObject({ code: 'no-quorum' })
})

test('a journal cut anywhere in its last record: the rest is recovered, and the server votes', async () => {
  const { cluster, third } = await withThirdDown()
  await using _ = cluster
  const file = await journalOf(third.dataDir)
  const intact = `${third.dataDir}.intact`
  await cp(third.dataDir, intact, { recursive: true, filter: (source) => !source.endsWith('lock') })
  const group = (await inspectJournal(intact)).segments.at(-1)?.groups.at(-1)
  if (group === undefined) throw new Error('no group')
  // Every cut is covered by the unit tests; here a few of them meet a whole server.
  for (const kept of [0, 1, Math.floor(group.size_bytes / 2), group.size_bytes - 1]) {
    await rm(third.dataDir, { recursive: true })
    await mkdir(third.dataDir)
    await cp(intact, third.dataDir, { recursive: true })
    await truncate(file, group.offset + kept)
    await third.restart()
    const statuses = await settledStatuses(cluster.endpoints, SETTLE_MS)
    expect(statuses[2], `${kept} bytes kept`).toMatchObject({
      voting: true,
      recovery: kept === 0 ? 'clean' : 'torn-tail',
    })
    expect(new Set(statuses.map(({ digest }) => digest)).size).toBe(1)
    await third.kill('SIGKILL')
  }
})

test('a data directory of another cluster is refused', async () => {
  const { cluster, third } = await withThirdDown()
  await using _ = cluster
  const { code, stderr } = await third.startAndExit(['--cluster-name', 'another'])
  expect(code).toBe(1)
  expect(stderr).toMatch(/wrong-cluster/)
  expect(stderr).toMatch(/start this server on the directory of its own cluster, or on an empty one/)
})

test('a second process on one data directory is refused, and the first goes on', async () => {
  const { cluster, third } = await withThirdDown()
  await using _ = cluster
  await third.restart()
  const { code, stderr } = await third.startAndExit()
  expect(code).toBe(1)
  expect(stderr).toMatch(/directory-in-use/)
  await settledStatuses(cluster.endpoints, SETTLE_MS)
})
