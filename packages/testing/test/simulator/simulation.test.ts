import { describe, expect, it } from 'vitest'
import type { Mode } from 'synod/internal/paxos/config.js'
import { type Plan, drawPlan } from '../../src/simulator/faults/plan.js'
import { type SimulationOutcome, runPlan } from '../../src/simulator/simulation.js'
import { storeWorkload } from '../../src/simulator/store.js'

function planOf(seed: number, mode: Mode): Plan {
  return { ...drawPlan(seed, { mode }), durationMs: 1000 }
}

async function traced(
  plan: Plan,
): Promise<{ readonly outcome: SimulationOutcome; readonly lines: readonly string[] }> {
  const lines: string[] = []
  const outcome = await runPlan(plan, storeWorkload, (line) => lines.push(line))
  return { outcome, lines }
}

describe.each<Mode>(['leader', 'leaderless'])('a simulation in %s mode', (mode) => {
  it.each([1, 2, 3])('runs the same way each time, byte for byte, with seed %i', async (seed) => {
    const plan = planOf(seed, mode)
    const first = await traced(plan)
    const second = await traced(plan)
    expect(
      second.lines.findIndex((line, at) => line !== first.lines[at]),
      'where it differs',
    ).toBe(-1)
    expect(second).toEqual(first)
    expect(first.lines.length).toBeGreaterThan(100)
  })

  it('runs the same way without a listener, and with its plan from JSON', async () => {
    const plan = planOf(4, mode)
    const { outcome } = await traced(plan)
    expect(await runPlan(plan, storeWorkload)).toEqual(outcome)
    const kept = JSON.parse(JSON.stringify(plan)) as Plan
    expect((await runPlan(kept, storeWorkload)).digest).toBe(outcome.digest)
  })

  it('runs another way with another seed, even with the same plan', async () => {
    const plan = planOf(5, mode)
    const digests = new Set<number>()
    const stories = new Set<string>()
    for (const seed of [5, 6, 7]) {
      const { lines, outcome } = await traced({ ...plan, seed })
      digests.add(outcome.digest)
      // The first line is the plan, and so the seed.
      stories.add(lines.slice(1).join('\n'))
    }
    expect([digests.size, stories.size]).toEqual([3, 3])
  })

  it('writes a trace: first the plan, then events, at times that do not go back', async () => {
    const plan = planOf(1, mode)
    const { lines, outcome } = await traced(plan)
    const events = lines.map((line) => JSON.parse(line))
    expect(events[0]).toEqual({ atMs: 0, event: 'plan', plan })
    const times = events.map(({ atMs }) => atMs as number)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    const count = (event: string) => events.filter((it) => it.event === event).length
    expect(count('violation')).toBe(0)
    expect(count('execute')).toBe(outcome.stats.executed)
    expect(count('invoke')).toBe(outcome.stats.operations)
    expect(count('fault')).toBe(Object.values(outcome.stats.faults).reduce((sum, n) => sum + n, 0))
    for (const event of ['start', 'open', 'message', 'durable', 'return', 'heal']) {
      expect(count(event), event).toBeGreaterThan(0)
    }
  })
})
