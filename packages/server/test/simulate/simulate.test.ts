import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AnyMachine } from 'synod'
import { type Workload, drawPlan } from 'synod-testing'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Run, type Runner, LocalRunner } from '../../src/simulate/runner.js'
import { replayWith } from '../../src/simulate/replay.js'
import { type SimulateCommandOptions, simulateWith } from '../../src/simulate/simulate.js'
import { clockRead, stamped } from './planted.js'

const NEVER = new Promise<void>(() => undefined)

const OPTIONS: SimulateCommandOptions = { modes: ['leader'], seed: 4, seeds: 4, jobs: 1, limitMs: Infinity }

let directory: string
let stdout: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'synod-simulate-'))
  process.chdir(directory)
  stdout = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += String(text)
    return true
  })
})
afterEach(async () => {
  vi.restoreAllMocks()
  process.chdir(tmpdir())
  await rm(directory, { recursive: true })
})

function simulated<M extends AnyMachine>(
  workload: Workload<M>,
  options: Partial<SimulateCommandOptions> = {},
  json = true,
): Promise<void> {
  return simulateWith([new LocalRunner(workload)], { ...OPTIONS, ...options }, { json }, NEVER)
}

test('a violation is explained, shrunk, and saved for a replay', async () => {
  await expect(simulated(clockRead, { servers: 3 }, false)).rejects.toMatchObject({
    code: 'violation',
    message: 'seed 4 in leader mode: non-determinism',
  })
  expect(stdout).toMatch(/^simulated {3}1 run from seed 4 on, in leader mode$/m)
  expect(stdout).toMatch(/^non-determinism: apply\("\w+"\) in slot \d+ called Date\.now\(\): /m)
  expect(stdout).toContain(`To see it again:
  synod simulate --mode leader --seed 4 --seeds 1 --servers 3
It takes no fault.
Its trace is in synod-trace-leader-4.ndjson. To run it again:
  synod simulate --replay synod-trace-leader-4.ndjson
`)

  stdout = ''
  const again = replayWith(new LocalRunner(clockRead), 'synod-trace-leader-4.ndjson', {}, NEVER)
  await expect(again).rejects.toMatchObject({ code: 'violation' })
  expect(stdout).toMatch(/^The same run: all \d+ lines are as in synod-trace-leader-4\.ndjson\.\nnon-det/)
})

test('a violation is printed as JSON', async () => {
  await expect(simulated(clockRead)).rejects.toThrow()
  expect(JSON.parse(stdout)).toMatchObject({
    seed: 4,
    runs: 1,
    violation: {
      kind: 'non-determinism',
      message: expect.stringMatching(/Date\.now/),
      command: 'synod simulate --mode leader --seed 4 --seeds 1',
      faults: [],
      trace: 'synod-trace-leader-4.ndjson',
    },
  })
})

test('with --trace the original run is saved with all its faults', async () => {
  await expect(simulated(clockRead, { seed: 3, seeds: 1, trace: 'whole.ndjson' }, false)).rejects.toThrow()
  expect(stdout).toContain('It takes these faults:\n  at ')
  const [first] = (await readFile('whole.ndjson', 'utf8')).split('\n')
  expect(JSON.parse(first!)).toEqual({ atMs: 0, event: 'plan', plan: drawPlan(3) })
})

test('runs without a violation print a summary', async () => {
  await simulated(stamped, { modes: ['leader', 'leaderless'], seeds: 2 })
  expect(JSON.parse(stdout)).toMatchObject({ runs: 4, digests: {}, violation: null })
  stdout = ''
  await simulated(stamped, { seeds: 1 }, false)
  expect(stdout).toMatch(/^digest {6}[0-9a-f]{8} \(leader mode\)$/m)
})

test('parallel runners share the seeds, and the first violation ends all of them', async () => {
  const seen: number[] = []
  const fails = new LocalRunner(clockRead)
  const works = new LocalRunner(stamped)
  const runner: Runner = {
    run: (plan, traced) => {
      seen.push(plan.seed)
      return (plan.seed === 6 ? fails : works).run(plan, traced)
    },
    shrink: (run, onAttempt) => fails.shrink(run, onAttempt),
  }
  // One after the other: two simulations in one thread would take the clock from each other.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn: Runner = { ...runner, run: (...args) => next(() => runner.run(...args)) }
  const next = (run: () => Promise<Run>) => {
    const result = last.then(run)
    last = result
    return result
  }
  const run = simulateWith([inTurn, inTurn], { ...OPTIONS, seeds: 100 }, { json: true }, NEVER)
  await expect(run).rejects.toThrow('seed 6 in leader mode')
  expect(seen).toEqual([4, 5, 6, 7])
  expect(JSON.parse(stdout)).toMatchObject({ runs: 3 })
})

test('an interrupted simulation prints the summary so far', async () => {
  let runs = 0
  let stop: () => void = () => undefined
  const stopped = new Promise<void>((resolve) => (stop = resolve))
  const works = new LocalRunner(stamped)
  let last: Promise<Run> | undefined
  const runner: Runner = {
    run: (plan, traced) => {
      if (++runs === 3) stop()
      return (last = works.run(plan, traced))
    },
    shrink: () => Promise.reject(new Error('there is nothing to shrink')),
  }
  const run = simulateWith([runner], { ...OPTIONS, seeds: Infinity }, { json: true }, stopped)
  await expect(run).rejects.toMatchObject({ code: 'interrupted' })
  await last
  expect(JSON.parse(stdout)).toMatchObject({ runs: 2, violation: null })
})

test('a replay reports the first line at which it differs from the trace', async () => {
  await simulated(stamped, { seeds: 1, trace: 'kept.ndjson' })
  stdout = ''
  const replay = () => replayWith(new LocalRunner(stamped), 'kept.ndjson', { json: true }, NEVER)
  await replay()
  expect(JSON.parse(stdout)).toMatchObject({ same: true, difference: null, violation: null })

  const lines = (await readFile('kept.ndjson', 'utf8')).split('\n')
  const before = (lines[4] = lines[4]!.replace('"atMs"', '"atUs"'))
  await writeFile('kept.ndjson', lines.join('\n'))
  stdout = ''
  await replay()
  expect(JSON.parse(stdout)).toMatchObject({ same: false, difference: { line: 5, before } })

  await writeFile('kept.ndjson', lines.slice(1).join('\n'))
  await expect(replay()).rejects.toMatchObject({ code: 'not-a-trace' })
})
