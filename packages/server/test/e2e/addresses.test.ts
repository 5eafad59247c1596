// Servers that move, and lists of servers that are older than the cluster.
import { expect, test } from 'vitest'
import { inspectJournal } from 'synod'
import { KvClient } from 'synod-server'
import { expectRemoved, untilVoters } from './membership.js'
import { freePorts } from './ports.js'
import { runCli, startCluster } from './processes.js'

const PATIENCE_MS = 60_000
const timeout = 300_000

test('all three servers move to new addresses at the same time', { timeout }, async () => {
  await using cluster = await startCluster({ mode: 'leader', replicas: 3 })
  const { endpoints, replicas } = cluster
  {
    await using client = await KvClient.connect({ endpoints })
    await client.put('before', 'here')
  }
  await Promise.all(replicas.map((replica) => replica.kill('SIGKILL')))
  const port = await freePorts(3)
  const addresses = Object.fromEntries(replicas.map(({ id }) => [id, `127.0.0.1:${port + id - 1}`]))
  const list = Object.entries(addresses)
    .map(([id, address]) => `${id}=${address}`)
    .join(',')
  await Promise.all(
    replicas.map((replica) => replica.restart(['--servers', list, '--listen', addresses[replica.id] ?? ''])),
  )
  await using client = await KvClient.connect({ endpoints, timeoutMs: PATIENCE_MS })
  expect(String(await client.get('before'))).toBe('here')
  await client.put('after', 'there')
  for (const { dataDir } of replicas)
    expect((await inspectJournal(dataDir)).identity?.addresses).toEqual(addresses)
})

test(
  'after two replacements the old founding list still starts a server and lets another one join',
  { timeout },
  async () => {
    await using cluster = await startCluster({ mode: 'leader', replicas: 6, founders: 3 })
    const [first, second, third] = cluster.replicas
    if (first === undefined || second === undefined || third === undefined) throw new Error('no such replica')
    const member = async (...args: string[]) => {
      const endpoints = cluster.replicas.map(({ endpoint }) => endpoint).join(',')
      const done = await runCli([
        'member',
        ...args,
        '--endpoints',
        endpoints,
        '--timeout-ms',
        String(PATIENCE_MS),
      ])
      expect(done, done.stderr).toMatchObject({ code: 0 })
    }
    for (const [old, id] of [
      [first, 4],
      [second, 5],
    ] as const) {
      await member('replace', String(old.id), `${id}=${cluster.address(id)}`)
      await cluster.join(id)
      cluster.leave(old)
      expectRemoved(await old.exit(), old.id)
      await untilVoters(cluster.replicas)
    }

    // Its list has s1 and s2, which are gone, and neither s4 nor s5.
    await third.kill('SIGKILL')
    await third.restart()
    await untilVoters(cluster.replicas)
    await third.logMatch(/s1 is in the list of servers, and no member of the cluster: its address is ignored/)

    await member('add', `6=${cluster.address(6)}`)
    await cluster.join(6, [1, 2, 3])
    await untilVoters(cluster.replicas)
    // Three of four: each of the others is needed.
    await cluster.replicas.find(({ id }) => id === 4)?.kill('SIGKILL')
    await using client = await KvClient.connect({ endpoints: [third.endpoint], timeoutMs: PATIENCE_MS })
    await client.put('after', 'all')
  },
)
