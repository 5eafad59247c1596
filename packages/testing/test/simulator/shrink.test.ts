import { expect, it } from 'vitest'
import type { Fault } from '../../src/simulator/faults/faults.js'
import { type Plan, drawPlan } from '../../src/simulator/faults/plan.js'
import { shrinkPlan } from '../../src/simulator/shrink.js'
import { runPlan } from '../../src/simulator/simulation.js'
import type { Workload } from '../../src/simulator/workload.js'
import { type Counter, counting } from './planted.js'

/**
 * A check that fails when a lone voter starts with a wrong clock, which it believes: that takes a
 * fault of one kind.
 */
const timekeeping: Workload<Counter> = {
  ...counting((_, { timeMs }) => timeMs),
  check(history) {
    const late = history.some(({ output }) => typeof output === 'number' && output > 1_700_050_000_000)
    if (late) throw new Error('the time has jumped')
  },
}

const jump = { kind: 'clock-jump', atMs: 0, forMs: 0, byMs: 9e7, server: 1 } as const
const harmless = (atMs: number): Fault[] => [
  { kind: 'pause', atMs, forMs: 20, server: 1 },
  { kind: 'reset', atMs: atMs + 10, forMs: 0, from: 'c1', to: 1 },
  { kind: 'slow-disk', atMs: atMs + 20, forMs: 50, server: 1, syncMs: 20 },
]

const failing: Plan = {
  ...drawPlan(1, { mode: 'leaderless', servers: 1 }),
  formed: false,
  rates: [1.1],
  syncMs: [1, 1],
  clients: 3,
  durationMs: 1000,
  pieces: true,
  left: [],
  faults: [jump, jump, ...harmless(100), ...harmless(300), ...harmless(500)],
}

it('a plan is reduced to the fault that causes its violation', async () => {
  const outcome = await runPlan(failing, timekeeping)
  expect(outcome.violation?.message).toBe('the time has jumped')
  const attempts: [number, number][] = []
  const onAttempt = (attempt: number, faults: number) => attempts.push([attempt, faults])
  const { plan, violation } = await shrinkPlan(outcome, timekeeping, { onAttempt })
  expect(violation?.message).toBe('the time has jumped')
  expect(plan.faults.map(({ kind }) => kind)).toEqual(['clock-jump'])
  expect(plan).toMatchObject({ seed: 1, clients: 0, pieces: false, rates: [1] })
  expect(plan.durationMs).toBeLessThan(failing.durationMs)
  expect(attempts.map(([attempt]) => attempt)).toEqual(attempts.map((_, index) => index + 1))
  expect((await runPlan(plan, timekeeping)).violation, 'found again').toEqual(violation)
})

it('no more plans are tried than requested', async () => {
  const outcome = await runPlan(failing, timekeeping)
  let attempts = 0
  await shrinkPlan(outcome, timekeeping, { attempts: 3, onAttempt: () => attempts++ })
  expect(attempts).toBe(3)
  expect(await shrinkPlan(outcome, timekeeping, { attempts: 0 })).toBe(outcome)
})

it('a plan with another violation does not replace the original', async () => {
  const outcome = await runPlan(failing, timekeeping)
  // From now on, the state machine itself is wrong too.
  let calls = 0
  const { machine } = counting(() => ++calls)
  expect(await shrinkPlan(outcome, { ...timekeeping, machine })).toBe(outcome)
})
