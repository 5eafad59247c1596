import { appendFile, cp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { type Mode, inspectJournal } from 'synod'
import { KvClient } from 'synod-server'
import { type TestCluster, startCluster } from './processes.js'
import { settledStatuses, statusesWhen } from './settled.js'

const SETTLE_MS = 30_000

const POLL_MS = 10

/** In each mode; SYNOD_RESTARTS has it go on for longer. */
const KILLS = Number(process.env.SYNOD_RESTARTS ?? 3)

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

test('a server with an emptied data directory is refused, and the others go on', async () => {
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

test('a server with a damaged journal reports it, learns, and does not vote', async () => {
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
  expect(status?.damage).toMatch(/does not vote any more, and its peers continue/)
  expect(status?.damage).toMatch(/let the server back into the cluster as a new one/)
  expect(await readFile(file), 'the damaged journal is left alone').toEqual(bytes)

  // It serves, but it is no part of a quorum.
  await using client = await KvClient.connect({ endpoints: [cluster.endpoints[2] ?? ''] })
  await client.put('through', 'the learner')
  expect(String(await client.get('through'))).toBe('the learner')
  await cluster.replicas[1]?.kill('SIGKILL')
  await expect(client.put('key', 'value', { timeoutMs: 2000 })).rejects.toMatchObject({ code: 'no-quorum' })
})

test('a torn tail of a journal is cut off, and the server votes', async () => {
  const { cluster, third } = await withThirdDown()
  await using _ = cluster
  const file = await journalOf(third.dataDir)
  const bytes = await readFile(file)
  const group = (await inspectJournal(third.dataDir)).segments.at(-1)?.groups.at(-1)
  if (group === undefined) throw new Error('no group')
  const last = bytes.subarray(group.offset, group.offset + group.sizeBytes)
  // Every cut is covered by the unit tests; here a few of them meet a whole server.
  for (const written of [1, Math.floor(last.length / 2), last.length - 1]) {
    await appendFile(file, last.subarray(0, written))
    await third.restart()
    const statuses = await settledStatuses(cluster.endpoints, SETTLE_MS)
    expect(statuses[2], `${written} bytes written`).toMatchObject({ voting: true, recovery: 'torn-tail' })
    expect(new Set(statuses.map(({ digest }) => digest)).size).toBe(1)
    await third.kill('SIGKILL')
  }
})

test('a journal that lacks an acknowledged group is refused by the other servers', async () => {
  const { cluster, third } = await withThirdDown()
  await using _ = cluster
  const group = (await inspectJournal(third.dataDir)).segments.at(-1)?.groups.at(-1)
  if (group === undefined) throw new Error('no group')
  await truncate(await journalOf(third.dataDir), group.offset + Math.floor(group.sizeBytes / 2))
  const { code, stderr } = await third.startAndExit()
  expect(code).toBe(1)
  expect(stderr).toMatch(/it is an old copy: it ends with group .*journal-damaged/)
})

describe.each<Mode>(['leader', 'leaderless'])('in %s mode', (mode) => {
  test('a server that starts on an old copy of its directory is refused, also at later starts', async () => {
    await using cluster = await startCluster({ mode, replicas: 3 })
    await using client = await KvClient.connect({ endpoints: cluster.endpoints })
    const [, second, third] = cluster.replicas
    if (second === undefined || third === undefined) throw new Error('no third replica')
    await client.put('key', 'before')
    await settledStatuses(cluster.endpoints, SETTLE_MS)
    await third.kill('SIGKILL')
    const copy = `${third.dataDir}.copy`
    await cp(third.dataDir, copy, { recursive: true, filter: (source) => !/lock(\.\w+)?$/.test(source) })
    await third.restart()
    await settledStatuses(cluster.endpoints, SETTLE_MS)
    // Without the second, every put needs a vote of the third: the first has heard of the group
    // that holds it.
    await second.kill('SIGKILL')
    for (let i = 0; i < 20; i++) await client.put('key', `after ${i}`)
    await second.restart()
    await settledStatuses(cluster.endpoints, SETTLE_MS)
    await third.kill('SIGKILL')
    await rm(third.dataDir, { recursive: true })
    await cp(copy, third.dataDir, { recursive: true })
    const { code, stderr } = await third.startAndExit()
    expect(code).toBe(1)
    expect(stderr).toMatch(/it is an old copy: it ends with group .*journal-damaged/)

    // It learns and does not vote, however often it is started.
    await third.restart()
    const status = (await settledStatuses(cluster.endpoints, SETTLE_MS)).find(({ server }) => server === 3)
    expect(status).toMatchObject({ role: 'learner', voting: false, recovery: 'outdated' })
    await second.kill('SIGKILL')
    await expect(client.put('key', 'value', { timeoutMs: 2000 })).rejects.toThrow()
  })

  test(`a server that is killed under load and restarted, ${KILLS} times, always joins again`, async () => {
    await using cluster = await startCluster({ mode, replicas: 3 })
    await using client = await KvClient.connect({ endpoints: cluster.endpoints })
    let isOver = false
    let written = 0
    const load = Array.from({ length: 8 }, async (_, writer) => {
      while (!isOver) {
        await client.put(`key ${writer}`, 'x'.repeat(100)).catch(() => undefined)
        written++
      }
    })
    for (let kill = 0; kill < KILLS; kill++) {
      const replica = cluster.replicas[kill % 3]
      const before = written
      await replica?.kill('SIGKILL')
      await replica?.restart()
      await statusesWhen(cluster.endpoints, SETTLE_MS, (statuses) =>
        statuses.every(({ admitted }) => admitted),
      )
      // It has written before it is killed again.
      while (written < before + 20) await delay(POLL_MS)
    }
    isOver = true
    await Promise.all(load)
    const statuses = await settledStatuses(cluster.endpoints, SETTLE_MS)
    expect(statuses.map(({ voting }) => voting)).toEqual([true, true, true])
  })
})

test('a data directory of another cluster is refused', async () => {
  const { cluster, third } = await withThirdDown()
  await using _ = cluster
  const { code, stderr } = await third.startAndExit(['--cluster-name', 'another'])
  expect(code).toBe(1)
  expect(stderr).toMatch(/wrong-cluster/)
  expect(stderr).toMatch(/start this server on the directory of its own cluster, or on an empty one/)
})

test('a second process on a data directory is refused, and the first goes on', async () => {
  const { cluster, third } = await withThirdDown()
  await using _ = cluster
  await third.restart()
  const { code, stderr } = await third.startAndExit()
  expect(code).toBe(1)
  expect(stderr).toMatch(/address already in use/)
  await settledStatuses(cluster.endpoints, SETTLE_MS)
})
