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
  ...counting((_, { time_ms }) => time_ms),
  check(history) {
    const late = history.some(({ output }) => typeof output === 'number' && output > 1_700_050_000_000)
    if (late) throw new Error('the time has jumped')
  },
}

const jump = { kind: 'clock-jump', at_ms: 0, for_ms: 0, by_ms: 9e7, server: 1 } as const
const harmless = (at_ms: number): Fault[] => [
  { kind: 'pause', at_ms, for_ms: 20, server: 1 },
  { kind: 'reset', at_ms: at_ms + 10, for_ms: 0, from: 'c1', to: 1 },
  { kind: 'slow-disk', at_ms: at_ms + 20, for_ms: 50, server: 1, sync_ms: 20 },
]

const failing: Plan = {
  ...drawPlan(1, { mode: 'leaderless', servers: 1 }),
  formed: false,
  rates: [1.1],
  sync_ms: [1, 1],
  clients: 3,
  duration_ms: 1000,
  pieces: true,
  left: [],
  faults: [jump, jump, ...harmless(100), ...harmless(300), ...harmless(500)],
}

it('a plan is cut down to the fault that it takes, and nothing else', async () => {
  const outcome = await runPlan(failing, timekeeping)
  expect(outcome.violation?.message).toBe('the time has jumped')
  const attempts: [number, number][] = []
  const onAttempt = (attempt: number, faults: number) => attempts.push([attempt, faults])
  const { plan, violation } = await shrinkPlan(outcome, timekeeping, { onAttempt })
  expect(violation?.message).toBe('the time has jumped')
  expect(plan.faults.map(({ kind }) => kind)).toEqual(['clock-jump'])
  expect(plan).toMatchObject({ seed: 1, clients: 0, pieces: false, rates: [1] })
  expect(plan.duration_ms).toBeLessThan(failing.duration_ms)
  expect(attempts.map(([attempt]) => attempt)).toEqual(attempts.map((_, index) => index + 1))
  expect((await runPlan(plan, timekeeping)).violation, 'found again').toEqual(violation)
})

it('no more plans are tried than were asked for', async () => {
  const outcome = await runPlan(failing, timekeeping)
  let attempts = 0
  await shrinkPlan(outcome, timekeeping, { attempts: 3, onAttempt: () => attempts++ })
  expect(attempts).toBe(3)
  expect(await shrinkPlan(outcome, timekeeping, { attempts: 0 })).toBe(outcome)
})

it('a plan with another violation is not taken for a smaller one', async () => {
  const outcome = await runPlan(failing, timekeeping)
  // From now on, the state machine itself is wrong too.
  let calls = 0
  const { machine } = counting(() => ++calls)
  expect(await shrinkPlan(outcome, { ...timekeeping, machine })).toBe(outcome)
})
