import { expect } from 'vitest'
import type { Mode } from 'synod'
import { KvClient } from 'synod-server'
import { settledStatuses } from '../settled.js'
import { CheckedKeys } from './checked-keys.js'
import { Counters } from './counters.js'
import { type Hardship, type Scene, sleep } from './hardships.js'
import { Pauses } from './pauses.js'
import { Pulse } from './pulse.js'

// For hours: docs/internals/hardship.md says how.
export const SECONDS = Number(process.env.SYNOD_HARDSHIP_SECONDS ?? 12)
export const SEED = Number(process.env.SYNOD_HARDSHIP_SEED ?? Math.floor(Math.random() * 2 ** 32))
export const LONGEST_MS = SECONDS < 60 ? 1500 : 10_000

/** So often that most who come back need one of a peer. */
export const SNAPSHOTS_OFTEN = ['--snapshot-every', '300', '--keep-slots', '100']

const COUNTING = 8
const CHECKING = 6
/**
 * How long callers wait: the ones that need an answer in the end, and the ones that may give up.
 */
const PATIENCE_MS = 60_000
const IMPATIENCE_MS = 1500
/** So that the machine is not all that is tested. */
const LONGEST_THINKING_MS = 5

export interface HardshipRun<Its extends Scene> {
  /** The test, to say how it is run again. */
  readonly file: string
  readonly mode: Mode
  readonly scene: Its
  /** What happens next: what happens at the same time. */
  readonly draw: () => readonly Hardship<Its>[]
}

/**
 * Has a cluster go through hardships while clients use it: each increment must count once, what the
 * others see must be linearizable, and in the end all replicas must have come to the same. Rejects
 * otherwise, with what happened last and how to do it again.
 */
export async function runHardships<Its extends Scene>(hardshipRun: HardshipRun<Its>): Promise<void> {
  const happened: string[] = []
  try {
    await run(hardshipRun, happened)
  } catch (error) {
    const { file, mode, scene } = hardshipRun
    const flags = `SYNOD_HARDSHIP_SEED=${SEED} SYNOD_HARDSHIP_SECONDS=${SECONDS}`
    const replay = `${flags} npx vitest run packages/server/test/e2e/hardship/${file} -t '${mode} mode'`
    const logs = scene.cluster.replicas.map(({ id, log }) => `s${id}: ${log.slice(-2000)}`)
    throw new Error([`Replay: ${replay}`, ...happened.slice(-20), ...logs].join('\n'), {
      cause: error,
    })
  }
}

async function run<Its extends Scene>(
  { draw, mode, scene }: HardshipRun<Its>,
  happened: string[],
): Promise<void> {
  const { chance, cluster } = scene
  const counters = new Counters(COUNTING)
  const keys = new CheckedKeys(chance.fork())
  const [pulse, pauses] = [new Pulse(), new Pauses()]
  const thinking = chance.fork()
  let isRunning = true
  const clients: KvClient[] = []
  const loop = async (
    endpoints: readonly string[],
    timeoutMs: number,
    act: (client: KvClient) => Promise<void>,
  ) => {
    const client = await KvClient.connect({ endpoints, timeoutMs })
    clients.push(client)
    while (isRunning) {
      await act(client)
      await sleep(thinking.between(0, LONGEST_THINKING_MS))
    }
  }
  const loops = [
    ...Array.from({ length: COUNTING }, (_, index) =>
      loop(cluster.endpoints, PATIENCE_MS, async (client) => {
        await counters.increment(index, client)
        pulse.beat()
      }),
    ),
    // Every second one knows one replica only.
    ...Array.from({ length: CHECKING }, (_, index) => {
      const all = cluster.endpoints
      const some = index % 2 === 0 ? all : all.slice((index >> 1) % all.length).slice(0, 1)
      return loop(some, IMPATIENCE_MS, (client) => keys.operate(`c${index + 1}`, client))
    }),
  ]
  const failed = Promise.all(loops).then(() => undefined)

  try {
    await Promise.race([pulse.next(), failed])
    const endMs = performance.now() + SECONDS * 1000
    while (performance.now() < endMs) {
      const hardships = draw()
      pulse.longestPauseMs()
      const told = Promise.all(hardships.map((hardship) => hardship.run(scene)))
      // Also after a failure all faults end, and all replicas run, before this returns.
      await Promise.race([told, failed]).finally(() => told)
      happened.push((await told).join(' and '))
      await Promise.race([pulse.next(), failed])
      pauses.add(hardships.map(({ name }) => name).join(' and '), pulse.longestPauseMs())
      await Promise.race([sleep(chance.between(0, 500)), failed])
    }
    isRunning = false
    await failed
  } finally {
    isRunning = false
    await Promise.all(clients.map((each) => each.close()))
  }
  keys.finish()

  await using client = await KvClient.connect({ endpoints: cluster.endpoints, timeoutMs: PATIENCE_MS })
  await counters.check(client)
  // One digest over everything that was executed, at the same slot on every replica.
  const endpoints = cluster.replicas.map(({ endpoint }) => endpoint)
  const statuses = await settledStatuses(endpoints, PATIENCE_MS)
  expect(new Set(statuses.map(({ digest }) => digest)).size).toBe(1)
  for (const { watermarks } of statuses) expect(watermarks.snapshotted).toBeGreaterThan(0)
  process.stdout.write(
    `${mode}, seed ${SEED}: ${happened.length} hardships, ${counters.acknowledged} increments, ` +
      `${keys.checked} operations checked, ${keys.doubtful} of them in doubt, ${statuses[0]?.watermarks.executed ?? 0} slots\n` +
      pauses.table(),
  )
}
