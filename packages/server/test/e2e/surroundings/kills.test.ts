// A start that is killed at any system call that it makes on its directory keeps no later start
// from succeeding, and loses nothing. All calls of a start: SYNOD_KILLS=all; some of them, evenly
// spread, unless that is set. The tests wait for processes most of the time, and run side by side.
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { KvClient } from 'synod-server'
import { temporaryDirectory } from '../processes.js'
import { ONE_THREAD, type Point, killedAt, pointsOf, traced, whyNoKills } from './kills.js'
import { LoneServer } from './lone-server.js'

const FEW = 8
/** So long a client tries to reach a server that may be dead, before it looks. */
const ATTEMPT_MS = 1000
const ALL = process.env.SYNOD_KILLS === 'all'
const LONG_MS = ALL ? 1_800_000 : 240_000

const whyNot = await whyNoKills()
if (whyNot !== undefined) console.log(`starts are not killed at system calls: ${whyNot}`)

let directory: string
beforeAll(async () => {
  directory = await temporaryDirectory()
})
afterAll(() => rm(directory, { recursive: true, force: true }))

function start(
  root: string,
  under: readonly string[] = [],
  args: readonly string[] = [],
): Promise<LoneServer> {
  return LoneServer.start(root, {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    under,
    args,
    env: ONE_THREAD,
  })
}

/** What a run does, from its start to when it has stopped in order, unless it is killed before. */
async function run(
  root: string,
  { args = [], load, under }: { args?: readonly string[]; load: number; under: readonly string[] },
): Promise<{ acknowledged: bigint; exit: number | string }> {
  await using server = await start(root, under, args)
  let acknowledged = 0n
  let client: KvClient | undefined
  const work = (async () => {
    while (client === undefined && server.isRunning)
      client = await server.client(ATTEMPT_MS).catch(() => undefined)
    if (!server.isRunning) return
    for (let count = 0; count < load; count++) {
      const result = await client?.increment('n')
      if (result?.done === true) acknowledged = result.value
    }
    // A signal would reach strace.
    server.child.disconnect()
  })().catch(() => undefined)
  const exit = await server.exited
  await client?.close()
  await work
  await client?.close()
  return { acknowledged, exit }
}

/**
 * How many of these calls a run makes depends on what is written together: the last ones may not be
 * reached.
 */
const IN_GROUPS: ReadonlySet<string> = new Set(['pwrite64', 'fdatasync', 'fsync'])

/** Throws unless the run was killed at its point, where each run reaches it. */
function expectKilled(point: Point, exit: number | string): void {
  if (exit === 0 && IN_GROUPS.has(point.call)) return
  expect({ point, exit }).toEqual({ point, exit: 'SIGKILL' })
}

/** The lock is taken by these calls: between them was the gap that a kill left open. */
function takesLock({ call, count }: Point): boolean {
  return call === 'bind' || call === 'listen' || (call === 'rename' && count === 1)
}

/** All points of such a run, or some that are evenly spread. */
async function chosenPoints(root: string, load: number, args: readonly string[] = []): Promise<Point[]> {
  const log = `${root}.calls`
  expect((await run(root, { under: traced(log), load, args })).exit).toBe(0)
  const points = await pointsOf(log, join(root, 's1'))
  const every = ALL ? 1 : Math.ceil(points.length / FEW)
  const some = points.filter((point, index) => index % every === 0 || takesLock(point))
  const names = some.map((point) => `${point.call} ${point.count}`).join(', ')
  process.stdout.write(`killed at ${some.length} of ${points.length} calls: ${names}\n`)
  return some
}

/**
 * What the counter is, by a server that must start; it is killed then, so that its lock is left.
 */
async function counterAfterwards(root: string): Promise<bigint> {
  await using server = await start(root)
  await using client = await server.client()
  const result = await client.increment('n', 0n)
  await server.kill('SIGKILL')
  return result.done ? result.value : -1n
}

async function newRoot(): Promise<string> {
  return mkdtemp(join(directory, 'root-'))
}

test.skipIf(whyNot !== undefined).concurrent(
  'a server that was killed during its first start starts again',
  async () => {
    for (const point of await chosenPoints(await newRoot(), 1)) {
      const root = await newRoot()
      const { acknowledged, exit } = await run(root, { under: killedAt(point, join(root, 's1')), load: 1 })
      expectKilled(point, exit)
      expect(await counterAfterwards(root)).toBeGreaterThanOrEqual(acknowledged)
    }
  },
  LONG_MS,
)

test.skipIf(whyNot !== undefined).concurrent(
  'a server that was killed during a restart starts again, and loses no acknowledged write',
  async () => {
    const root = await newRoot()
    let known = (await run(root, { under: [], load: 50 })).acknowledged
    // Once more as all others will find it: with a lock that was left.
    await counterAfterwards(root)
    for (const point of await chosenPoints(root, 1)) {
      const { acknowledged, exit } = await run(root, { under: killedAt(point, join(root, 's1')), load: 1 })
      expectKilled(point, exit)
      const found = await counterAfterwards(root)
      expect(found, `${point.call} ${point.count}`).toBeGreaterThanOrEqual(
        known > acknowledged ? known : acknowledged,
      )
      known = found
    }
  },
  LONG_MS,
)

test.skipIf(whyNot !== undefined).concurrent(
  'a server that was killed while it took a snapshot or trimmed its journal starts again, and loses no acknowledged write',
  async () => {
    const args = ['--snapshot-every', '10', '--keep-slots', '0']
    const load = 60
    for (const point of await chosenPoints(await newRoot(), load, args)) {
      const root = await newRoot()
      const { acknowledged, exit } = await run(root, { under: killedAt(point, join(root, 's1')), load, args })
      expectKilled(point, exit)
      expect(await counterAfterwards(root), `${point.call} ${point.count}`).toBeGreaterThanOrEqual(
        acknowledged,
      )
    }
  },
  LONG_MS,
)
