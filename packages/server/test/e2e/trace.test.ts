import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import type { TraceEvent } from 'synod'
import { KvClient } from 'synod-server'
import { expect, test } from 'vitest'
import { named, shownFields } from '../trace/trace-page.js'
import { startCluster } from './processes.js'
import { settledStatuses } from './settled.js'

const SETTLE_MS = 30_000

/** The kinds of which a replica that goes through its life tells. */
const KINDS = ['start', 'open', 'send', 'message', 'durable', 'chosen', 'execute', 'stop']

/** What the merged clocks of processes on one machine may be apart. */
const CLOCK_MS = 1

function parsed(text: string): TraceEvent[] {
  expect(text.endsWith('\n')).toBe(true)
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as TraceEvent)
}

test.each(['leader', 'leaderless'] as const)(
  'replicas in %s mode write traces as documented',
  async (mode) => {
    await using cluster = await startCluster({ mode, replicas: 3, traced: true })
    {
      await using client = await KvClient.connect({ endpoints: cluster.endpoints })
      await client.put('key', 'value')
      await client.increment('n', 5n)
      await settledStatuses(cluster.endpoints, SETTLE_MS)
    }
    await cluster.replicas[0]!.kill('SIGKILL')
    await cluster.replicas[0]!.restart()
    await settledStatuses(cluster.endpoints, SETTLE_MS)
    for (const replica of cluster.replicas) await replica.kill('SIGTERM')

    const documented = named(/^The form/)
    for (const { id, tracePath } of cluster.replicas) {
      const events = parsed(await readFile(tracePath, 'utf8'))
      let beforeMs = 0
      for (const event of events) {
        expect(documented).toContain(event.event)
        const { atMs, event: kind, ...rest } = event
        const shown = shownFields(kind)
        for (const field of Object.keys(rest)) expect(shown, kind).toContain(field)
        // The clock of a new process may be a moment behind that of the one before it.
        if (kind !== 'start') expect(atMs).toBeGreaterThanOrEqual(beforeMs)
        beforeMs = atMs
      }
      expect([...new Set(events.map(({ event }) => event))].sort()).toEqual([...KINDS].sort())
      expect(events[0]).toMatchObject({ event: 'start', server: id, mode, servers: [1, 2, 3] })
      expect(events.filter(({ event }) => event === 'start')).toHaveLength(id === 1 ? 2 : 1)
      expect(events.at(-1)).toMatchObject({ event: 'stop', server: id })
      expect(Math.abs(beforeMs - Date.now())).toBeLessThan(60_000)
      const executed = events.flatMap((event) => (event.event === 'execute' ? [event] : []))
      expect(executed.map(({ command, result }) => [command, result])).toEqual(
        expect.arrayContaining([
          [{ type: 'put', key: 'key', value: '76616c7565' }, '{"type":"put","existed":false}'],
          [{ type: 'increment', key: 'n', by: '5' }, '{"type":"increment","done":true,"value":"5"}'],
        ]),
      )
    }

    // By the command that the page gives.
    const merged = parsed(
      execFileSync('sort', ['-s', '-t:', '-k2,2n', ...cluster.replicas.map(({ tracePath }) => tracePath)], {
        encoding: 'utf8',
        maxBuffer: 2 ** 28,
      }),
    )
    const sent = new Map<string, number>()
    let beforeMs = 0
    let arrived = 0
    for (const event of merged) {
      expect(event.atMs).toBeGreaterThanOrEqual(beforeMs)
      beforeMs = event.atMs
      if (event.event !== 'send') continue
      const key = JSON.stringify([event.from, event.to, event.message])
      sent.set(key, Math.min(event.atMs, sent.get(key) ?? Infinity))
    }
    for (const event of merged) {
      if (event.event !== 'message' || event.from === 's1') continue
      const sentMs = sent.get(JSON.stringify([event.from, event.to, event.message]))
      expect(sentMs).toBeLessThanOrEqual(event.atMs + CLOCK_MS)
      arrived++
    }
    expect(arrived).toBeGreaterThan(10)
  },
)

test('a trace that cannot be written ends with a warning, and the replica goes on', async () => {
  await using cluster = await startCluster({ mode: 'leader', replicas: 1, args: ['--trace', '/dev/full'] })
  await using client = await KvClient.connect({ endpoints: cluster.endpoints })
  for (let count = 0; count < 10; count++) await client.put(`${count}`, 'value')
  const [replica] = cluster.replicas
  expect(replica!.log.match(/ warn .*trace.*/g)).toEqual([
    expect.stringMatching(/the trace in \/dev\/full ends here, the replica continues: ENOSPC/),
  ])
  expect(await replica!.kill('SIGTERM')).toMatchObject({ code: 0 })
})

test('a replica whose trace cannot be opened does not start', async () => {
  await using cluster = await startCluster({ mode: 'leader', replicas: 1 })
  const [replica] = cluster.replicas
  await replica!.kill('SIGTERM')
  const { code, stderr } = await replica!.startAndExit(['--trace', '/nowhere/at/all'])
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error: .*ENOENT/m) })
})
