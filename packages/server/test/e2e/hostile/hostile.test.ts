import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestCluster, runCli, startCluster, temporaryDirectory } from '../processes.js'
import { settledStatuses } from '../settled.js'
import { sideBySide } from '../site.js'
import { ATTACKS } from './attacks.js'

const SECONDS = Number(process.env.SYNOD_HOSTILE_SECONDS ?? 1)
/** On a machine that is busy with other things, these are served first. */
const FIRST = process.getuid?.() === 0 ? ['nice', '-n', '-20'] : []
const PATIENCE_MS = 60_000
const MOST_MEMORY_BYTES = 512 << 20

interface Latencies {
  readonly operations: number
  readonly errors: Readonly<Record<string, number>>
  readonly latencyMs: { readonly p50: number; readonly p99: number }
}

describe.skipIf(process.platform !== 'linux')('a replica under attack', () => {
  let cluster: TestCluster
  let idleBytes: number[]
  let turnsFile: string
  let alone: Latencies

  beforeAll(async () => {
    turnsFile = join(await temporaryDirectory(), 'turns')
    const site = await sideBySide(3)
    const probe = fileURLToPath(new URL('turns.mjs', import.meta.url))
    const under = [...FIRST, 'env', `TURNS_FILE=${turnsFile}`, `NODE_OPTIONS=--import ${probe}`]
    cluster = await startCluster({ mode: 'leader', replicas: { ...site, under: () => under } })
    alone = await honest(SECONDS)
    idleBytes = await memory()
  }, PATIENCE_MS)

  afterAll(() => cluster.stop())

  test.each(ATTACKS.map((attack) => [attack.name, attack.run] as const))(
    'serves honest clients during: %s',
    async (name, run) => {
      const leader = (await settledStatuses(cluster.endpoints, PATIENCE_MS))[0]!.leader! - 1
      const stop = new AbortController()
      // Figures are of runs side by side: what was attacked before has another heap than a process
      // that has just begun.
      if (SECONDS > 1) alone = await honest(SECONDS)
      await memory()
      const attack = run(cluster.endpoints[leader]!, stop.signal)
      let turn = 0
      const watch = setInterval(() => {
        void readFile(`${turnsFile}.${cluster.replicas[leader]!.pid}`, 'utf8')
          .then((text) => {
            turn = Math.max(turn, Number(text))
          })
          .catch(() => undefined)
      }, 50)
      const beside = await honest(SECONDS)
      stop.abort()
      await attack
      clearInterval(watch)
      const statuses = await settledStatuses(cluster.endpoints, PATIENCE_MS)
      const held = Math.max(...statuses.map(({ held }) => held.mostBytes))
      const used = (await memory()).map((bytes, index) => bytes - idleBytes[index]!)
      const [p99, p99Alone] = [beside.latencyMs.p99, alone.latencyMs.p99]
      process.stdout.write(
        `${name}: p99 ${p99.toFixed(1)} ms of ${beside.operations}, ${(p99 / p99Alone).toFixed(1)} x as alone ` +
          `(${p99Alone.toFixed(1)} ms of ${alone.operations}); longest turn ${turn.toFixed(0)} ms; ` +
          `memory ${used.map((bytes) => bytes >> 20).join(', ')} MiB, held ${held >> 20} MiB\n`,
      )
      expect(beside.errors).toEqual({})
      for (const bytes of used) expect(bytes).toBeLessThan(MOST_MEMORY_BYTES)
      for (const replica of cluster.replicas) expect(() => process.kill(replica.pid, 0)).not.toThrow()
    },
  )

  /**
   * The latencies of a client in a process of its own, which asks for one thing after the other.
   */
  async function honest(seconds: number): Promise<Latencies> {
    const load = ['--connections', '1', '--reads', '50', '--keys', '100', '--json']
    const time = ['--seconds', String(seconds), '--warmup-seconds', '1', '--timeout-ms', String(PATIENCE_MS)]
    const args = ['bench', ...load, ...time, '--endpoints', cluster.endpoints.join(',')]
    const { code, stderr, stdout } = await runCli(args, { under: FIRST })
    expect(code, stderr).toBe(0)
    return JSON.parse(stdout) as Latencies
  }

  /** The most that each has used since the last call. */
  async function memory(): Promise<number[]> {
    return Promise.all(
      cluster.replicas.map(async ({ pid }) => {
        const status = await readFile(`/proc/${pid}/status`, 'utf8')
        await writeFile(`/proc/${pid}/clear_refs`, '5')
        return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)![1]) * 1024
      }),
    )
  }
})
