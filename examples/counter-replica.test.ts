import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freePorts } from './free-ports.js'

const PROGRAM = fileURLToPath(new URL('dist/counter-replica.js', import.meta.url))

let cwd: string
let port: number
const running = new Set<ChildProcess>()
/** The totals that were printed, in their order. */
let totals: number[]
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'counter-replica-'))
  port = await freePorts(3)
  totals = []
})
afterEach(async () => {
  for (const child of running) await kill(child)
  await rm(cwd, { recursive: true, force: true })
})

test('three replicas agree on the counter, also after one was killed and after all restarted', async () => {
  const replicas = [1, 2, 3].map(start)
  await totalOf(7)
  await kill(replicas[0]!)
  await totalOf(12)
  await kill(replicas[1]!)
  await kill(replicas[2]!)
  const before = Math.max(...totals)
  for (const id of [1, 2, 3]) start(id)
  await totalOf(before + 4)
  expect(new Set(totals).size, 'no total is printed twice').toBe(totals.length)
})

function start(id: number): ChildProcess {
  const child = spawn(process.execPath, [PROGRAM, String(id), String(port)], {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.add(child)
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [, total] = /^s\d: (\d+)$/.exec(line) ?? []
    if (total !== undefined) totals.push(Number(total))
  })
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  running.delete(child)
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** Waits until a replica has printed at least this. */
const totalOf = (total: number) =>
  expect.poll(() => Math.max(0, ...totals), { timeout: 60_000 }).toBeGreaterThanOrEqual(total)
