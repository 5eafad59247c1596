import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { KvClient } from 'synod-server'
import { expectRemoved, untilVoters } from './membership.js'
import { type TestCluster, runCli, startCluster } from './processes.js'
import { settledStatuses, statusesWhen } from './settled.js'
import { underLoad } from './under-load.js'

const CLIENTS = 8
const PATIENCE_MS = 60_000
const MODES = ['leader', 'leaderless'] as const

/** Runs `synod member` with these arguments, which must succeed, and returns what it printed. */
async function member(cluster: TestCluster, name: string, ...args: string[]): Promise<string> {
  const endpoints = cluster.endpoints.join(',')
  const where = ['--endpoints', endpoints, '--timeout-ms', String(PATIENCE_MS)]
  const { code, stderr, stdout } = await runCli(['member', name, ...where, ...args])
  expect({ code, stderr }, `${name} ${args.join(' ')}`).toEqual({ code: 0, stderr: '' })
  return stdout
}

/** Adds a server, starts it, and waits until it votes. */
async function grow(cluster: TestCluster, id: number): Promise<void> {
  const said = await member(cluster, 'add', `${id}=${cluster.address(id)}`)
  expect(said).toMatch(`s${id} is a member, and votes when it has caught up.`)
  expect(said).toMatch(new RegExp(`^  synod serve --id ${id} --join --cluster-name `, 'm'))
  await cluster.join(id)
  await untilVoters(cluster.replicas)
}

/** Removes a server, and waits until its process has ended. */
async function shrink(cluster: TestCluster, id: number): Promise<void> {
  const replica = cluster.replicas.find((each) => each.id === id)
  if (replica === undefined) throw new Error(`s${id} is not there`)
  cluster.leave(replica)
  expect(await member(cluster, 'remove', `s${id}`)).toMatch(`s${id} is not a member any more`)
  expectRemoved(await replica.exit(), id)
  // So does a later process on the same directory.
  expectRemoved(await replica.startAndExit(), id)
  await untilVoters(cluster.replicas)
}

test.each(MODES)(
  'in %s mode: a cluster of one grows to three and to five, and shrinks to three, and no request fails',
  async (mode) => {
    await using cluster = await startCluster({ mode, replicas: 5, founders: 1 })
    await underLoad(cluster.endpoints, CLIENTS, async () => {
      for (const id of [2, 3, 4, 5]) await grow(cluster, id)
      for (const id of [1, 2]) await shrink(cluster, id)
    })
    const statuses = await settledStatuses(
      cluster.replicas.map(({ endpoint }) => endpoint),
      PATIENCE_MS,
    )
    expect(new Set(statuses.map(({ digest }) => digest)).size).toBe(1)
  },
)

test.each(MODES)('in %s mode: a server that lost its directory is replaced by a new server', async (mode) => {
  await using cluster = await startCluster({ mode, replicas: 4, founders: 3 })
  await using client = await KvClient.connect({ endpoints: cluster.endpoints, timeoutMs: PATIENCE_MS })
  for (let i = 0; i < 50; i++) await client.put(`key-${i}`, 'x'.repeat(100))
  const [first, , lost] = cluster.replicas
  if (first === undefined || lost === undefined) throw new Error('no such replica')
  await lost.kill('SIGKILL')
  await rm(lost.dataDir, { recursive: true })
  expect(await lost.startAndExit()).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/\(wrong-acceptor\)$/m),
  })
  cluster.leave(lost)

  const said = await member(cluster, 'replace', '3', `4=${cluster.address(4)}`)
  expect(said).toMatch('s4 is a member, and takes the place of s3 when it has caught up.')
  expect(said).not.toMatch('3=')
  const running = cluster.replicas.map(({ endpoint }) => endpoint).join(',')
  const listed = JSON.parse(await member(cluster, 'list', '--json', '--endpoints', running)) as object
  expect(listed).toMatchObject({ members: [{}, {}, { server: 3 }, { server: 4, replaces: 3 }] })
  await cluster.join(4)
  await untilVoters(cluster.replicas)

  // Its vote counts: with another one down, it is needed.
  await first.kill('SIGKILL')
  await client.put('key', 'value')
  expect(String(await client.get('key-7'))).toBe('x'.repeat(100))
  // The old one has nothing to come back to, as more than half of those say that it knows.
  await first.restart()
  await untilVoters(cluster.replicas)
  // Until the change has taken force for s1 too, the old one is to it a server that lost its disk.
  const endpoints = cluster.replicas.map(({ endpoint }) => endpoint)
  await settledStatuses(endpoints, PATIENCE_MS)
  expectRemoved(await lost.startAndExit(), 3)
})

test.each(MODES)(
  'in %s mode: while one of three servers is down, no other server can be removed',
  async (mode) => {
    await using cluster = await startCluster({ mode, replicas: 3 })
    await using client = await KvClient.connect({ endpoints: cluster.endpoints, timeoutMs: PATIENCE_MS })
    await client.put('before', 'x')
    const [, , down] = cluster.replicas
    if (down === undefined) throw new Error('no such replica')
    await down.kill('SIGKILL')
    const running = cluster.endpoints.slice(0, 2)
    await statusesWhen(running, PATIENCE_MS, (statuses) =>
      statuses.every(({ peers }) => peers.find(({ server }) => server === 3)?.up === false),
    )
    const where = ['--endpoints', cluster.endpoints.join(','), '--timeout-ms', String(PATIENCE_MS)]
    expect(await runCli(['member', 'remove', '2', ...where])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^error: without s2 the voters would be s1, s3, .* \(change-refused\)$/m,
      ) as string,
    })
    await client.put('after', 'y')
    expect(await member(cluster, 'remove', '3')).toMatch('s3 is not a member any more')
    await client.put('of two', 'z')
    expect(String(await client.get('after'))).toBe('y')
  },
)
