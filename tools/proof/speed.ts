// How much faster than real time a simulation runs on one core: three replicas and four to seven
// clients. Prints one line of JSON. The fastest of several runs of a plan counts: other work of the
// machine, or of the compiler, only makes it slower.
import { type SimulationStats, drawPlan, runPlan, storeWorkload } from 'synod-testing'

const SEEDS = 50
const ROUNDS = 5

interface Run {
  readonly stats: SimulationStats
  readonly elapsedMs: number
}

const fastest = new Map<string, Run>()
for (let round = 0; round < ROUNDS; round++) {
  for (let seed = 1; seed <= SEEDS; seed++) {
    for (const mode of ['leader', 'leaderless'] as const) {
      const startedMs = performance.now()
      const { stats, violation } = await runPlan(drawPlan(seed, { mode, servers: 3 }), storeWorkload)
      if (violation !== undefined) throw violation
      const elapsedMs = performance.now() - startedMs
      const key = `${mode} ${seed}`
      if (elapsedMs < (fastest.get(key)?.elapsedMs ?? Infinity)) fastest.set(key, { stats, elapsedMs })
    }
  }
}
const runs = [...fastest.values()]
const sum = (of: (run: Run) => number) => runs.reduce((total, run) => total + of(run), 0)
const speed = {
  plans: runs.length,
  rounds: ROUNDS,
  simulatedMs: sum(({ stats }) => stats.simulatedMs),
  elapsedMs: sum(({ elapsedMs }) => elapsedMs),
  operations: sum(({ stats }) => stats.operations),
  steps: sum(({ stats }) => stats.steps),
}
process.stdout.write(`${JSON.stringify(speed)}\n`)
