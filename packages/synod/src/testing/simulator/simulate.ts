import type { FaultKind } from './faults/faults.js'
import { describeFault } from './faults/fault-words.js'
import { type Plan, type PlanOptions, drawPlan } from './faults/plan.js'
import { shrinkPlan } from './shrink.js'
import { type Outcome, type SimulationStats, runPlan } from './simulation.js'
import type { Violation } from './checks/violation.js'
import type { Workload } from './workload.js'

export interface SimulateOptions extends PlanOptions {
  /** The first seed: 1 unless given, or what the environment variable `SYNOD_SEED` says. */
  readonly seed?: number
  /** How many seeds: 20 unless given, or what the environment variable `SYNOD_SEEDS` says. */
  readonly seeds?: number
  readonly onOutcome?: (outcome: Outcome) => void
}

/** What has been simulated, all seeds together. */
export class Summary {
  seeds = 0
  simulated_ms = 0
  steps = 0
  operations = 0
  answered = 0
  executed = 0
  /** The longest time that a healed cluster took until all were answered. */
  slowestRecovery_ms = 0
  readonly faults: Partial<Record<FaultKind, number>> = {}

  add(stats: SimulationStats): void {
    this.seeds++
    this.simulated_ms += stats.simulated_ms
    this.steps += stats.steps
    this.operations += stats.operations
    this.answered += stats.answered
    this.executed += stats.executed
    this.slowestRecovery_ms = Math.max(this.slowestRecovery_ms, stats.recovery_ms)
    for (const [kind, count] of Object.entries(stats.faults) as [FaultKind, number][]) {
      this.faults[kind] = (this.faults[kind] ?? 0) + count
    }
  }
}

/** A simulation has found something that must not happen. The message says what, and how to see it again. */
export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure'
  readonly seed: number
  /** Cut down to what it takes. */
  readonly plan: Plan
  readonly violation: Violation

  constructor(seed: number, plan: Plan, violation: Violation) {
    const replay = `Replay: SYNOD_SEED=${seed} SYNOD_SEEDS=1, in ${plan.mode} mode.`
    const faults = plan.faults.map((fault) => `  ${describeFault(fault)}`)
    const story = faults.length === 0 ? ['It takes no fault.'] : ['It takes these faults:', ...faults]
    super([`${violation.kind}: ${violation.message}`, `Seed ${seed}. ${replay}`, ...story].join('\n'), {
      cause: violation,
    })
    this.seed = seed
    this.plan = plan
    this.violation = violation
  }
}

/**
 * Puts a state machine through simulated clusters, each seed with its own faults: crashes, partitions, failing
 * disks and so on (docs/testing-your-machine.md). Rejects with a SimulationFailure when replicas or clients see what
 * must not be, or when the state machine turns out not to be deterministic.
 *
 * @example
 *
 * test('the counter survives', async () => {
 *   await simulate({
 *     machine: () => new Counter(),
 *     command: (chance) => chance.below(10),
 *     query: () => 'total' as const,
 *   })
 * })
 */
export async function simulate<C, R, Q, A>(
  workload: Workload<C, R, Q, A>,
  options: SimulateOptions = {},
): Promise<Summary> {
  const { SYNOD_SEED, SYNOD_SEEDS } = process.env
  const first = Number(SYNOD_SEED ?? options.seed ?? 1)
  const seeds = Number(SYNOD_SEEDS ?? options.seeds ?? 20)
  const summary = new Summary()
  for (let seed = first; seed < first + seeds; seed++) {
    const outcome = await runPlan(drawPlan(seed, options), workload)
    summary.add(outcome.stats)
    options.onOutcome?.(outcome)
    if (outcome.violation === undefined) continue
    const smallest = await shrinkPlan(outcome, workload)
    throw new SimulationFailure(seed, smallest.plan, smallest.violation ?? outcome.violation)
  }
  return summary
}
