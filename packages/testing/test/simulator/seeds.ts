// A test file for each mode calls this, so that the two run side by side.
import { describe, expect, it } from 'vitest'
import type { Mode } from 'synod/internal/paxos/config.js'
import { drawPlan } from '../../src/simulator/faults/plan.js'
import { runPlan } from '../../src/simulator/simulation.js'
import { storeWorkload } from '../../src/simulator/store.js'

const FIRST = Number(process.env.SYNOD_SEED ?? 1)
const COUNT = Number(process.env.SYNOD_SEEDS ?? 200)
/** Seeds in one test, so that one sees how far it is. */
const BLOCK = 50

const blocks = Array.from({ length: Math.ceil(COUNT / BLOCK) }, (_, block) => {
  const from = FIRST + block * BLOCK
  return { from, to: Math.min(from + BLOCK, FIRST + COUNT) - 1 }
})

/** Runs the simulator for many seeds. */
export function testSeeds(mode: Mode): void {
  describe(`under faults, in ${mode} mode`, () => {
    it.each(blocks)('seeds $from to $to have no violation', { timeout: 600_000 }, async ({ from, to }) => {
      for (let seed = from; seed <= to; seed++) {
        const { violation } = await runPlan(drawPlan(seed, { mode }), storeWorkload)
        const replay = `npm run synod -- simulate --mode ${mode} --seed ${seed} --seeds 1`
        const message = `Seed ${seed}. Replay: ${replay}\n${violation?.kind}: ${violation?.message}`
        expect(violation, message).toBe(undefined)
      }
    })
  })
}
