// Runs the core alone under random events, in both modes, with three and with five servers, and
// with servers that come and go: node core.js SEEDS.
import { exploreCore, exploreFairness, exploreMembership } from 'synod-testing'

const seeds = Number(process.argv[2])
const MODES = ['leader', 'leaderless'] as const
const SIZES = [3, 5]
const startedMs = performance.now()
let runs = 0
for (let seed = 1; seed <= seeds; seed++) {
  for (const mode of MODES) {
    for (const servers of SIZES)
      run(`${servers} servers`, mode, seed, () => {
        exploreCore(mode, seed, servers)
        if (mode === 'leaderless') exploreFairness(seed, servers)
      })
    run('servers that come and go', mode, seed, () => {
      exploreMembership(mode, seed)
    })
  }
}

function run(what: string, mode: string, seed: number, explore: () => void): void {
  try {
    explore()
  } catch (error) {
    throw new Error(`${mode} mode, ${what}, seed ${seed}`, { cause: error })
  }
  runs++
}
process.stdout.write(`${JSON.stringify({ seeds, runs, elapsedMs: performance.now() - startedMs })}\n`)
