// Runs the core alone under random events, in both modes, with three and with five servers: node core.js SEEDS.
import { exploreCore } from 'synod/testing'

const seeds = Number(process.argv[2])
const MODES = ['leader', 'leaderless'] as const
const SIZES = [3, 5]
const started_ms = performance.now()
for (let seed = 1; seed <= seeds; seed++) {
  for (const mode of MODES) {
    for (const servers of SIZES) {
      try {
        exploreCore(mode, seed, servers)
      } catch (error) {
        throw new Error(`${mode} mode, ${servers} servers, seed ${seed}`, { cause: error })
      }
    }
  }
}
const runs = seeds * MODES.length * SIZES.length
process.stdout.write(`${JSON.stringify({ seeds, runs, elapsed_ms: performance.now() - started_ms })}\n`)
