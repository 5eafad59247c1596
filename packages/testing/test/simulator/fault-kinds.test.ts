import { expect, it } from 'vitest'
import { FAULT_KINDS } from '../../src/simulator/faults/faults.js'
import { drawPlan } from '../../src/simulator/faults/plan.js'
import { runPlan } from '../../src/simulator/simulation.js'
import { storeWorkload } from '../../src/simulator/store.js'

/** Of both modes together. */
const SEEDS = 60

it(`every kind of fault strikes within the first ${SEEDS} seeds`, async () => {
  const missing = new Set(FAULT_KINDS)
  for (let seed = 1; seed <= SEEDS && missing.size > 0; seed++) {
    const mode = seed % 2 === 0 ? 'leaderless' : 'leader'
    const { stats } = await runPlan(drawPlan(seed, { mode }), storeWorkload)
    for (const kind of FAULT_KINDS) if ((stats.faults[kind] ?? 0) > 0) missing.delete(kind)
  }
  expect([...missing]).toEqual([])
})
