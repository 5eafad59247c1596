import type { MachineCheck } from 'synod/internal/machine/machine-check.js'
import type { AnyMachine } from 'synod/internal/machine/machine.js'
import type { FaultKind } from './faults/faults.js'
import { describeFault } from './faults/fault-words.js'
import { type Plan, type PlanOptions, drawPlan } from './faults/plan.js'
import {
  FUNCTION,
  type Rules,
  SIGNAL,
  checkOptions,
  group,
  oneOf,
  wholeFrom,
} from 'synod/internal/options.js'
import { SEED_RULES, seedsOf } from '../seeds.js'
import { SHRINK_RULES, type ShrinkOptions, shrinkPlan } from './shrink.js'
import { type SimulationOutcome, type SimulationStats, runPlan } from './simulation.js'
import type { Violation } from './checks/violation.js'
import type { Workload } from './workload.js'

export interface SimulateOptions extends PlanOptions {
  /** The first seed: 1 unless given, or what the environment variable `SYNOD_SEED` says. */
  readonly seed?: number
  /** How many seeds: 20 unless given, or what the environment variable `SYNOD_SEEDS` says. */
  readonly seeds?: number
  readonly onOutcome?: (outcome: SimulationOutcome) => void
  /**
   * Is told of what was found at once, before its plan is cut down, which takes its time. Unless
   * given, it is written to stderr, so that it can be read even where the time of the test is up
   * before that is done.
   */
  readonly onViolation?: (failure: SimulationFailure) => void
  /**
   * How long and how often to try a smaller plan once something is found; `false`: not at all. 10 s
   * and 200 times unless given.
   */
  readonly shrink?: false | Pick<ShrinkOptions, 'attempts' | 'limitMs'>
  /**
   * Ends the simulation: that of a test, which vitest and node:test abort when its time is up. It
   * rejects with `aborted` then.
   */
  readonly signal?: AbortSignal
}

/** A test that has found something has to end in time to say so. */
const SHRINK_LIMIT_MS = 10_000

const SHRINK = group({ attempts: SHRINK_RULES.attempts, limitMs: SHRINK_RULES.limitMs })

const RULES = {
  mode: oneOf('leader', 'leaderless'),
  servers: wholeFrom(1, 9),
  ...SEED_RULES,
  onOutcome: FUNCTION,
  onViolation: FUNCTION,
  shrink: {
    may: 'false, or an object',
    fits: (value: unknown, name: string) => value === false || SHRINK.fits(value, name),
  },
  signal: SIGNAL,
} satisfies Rules

/** What has been simulated, all seeds together. */
export class Summary {
  seeds = 0
  simulatedMs = 0
  steps = 0
  operations = 0
  answered = 0
  executed = 0
  /** The longest time that a healed cluster took until all were answered. */
  slowestRecoveryMs = 0
  readonly faults: Partial<Record<FaultKind, number>> = {}

  add(stats: SimulationStats): void {
    this.seeds++
    this.simulatedMs += stats.simulatedMs
    this.steps += stats.steps
    this.operations += stats.operations
    this.answered += stats.answered
    this.executed += stats.executed
    this.slowestRecoveryMs = Math.max(this.slowestRecoveryMs, stats.recoveryMs)
    for (const [kind, count] of Object.entries(stats.faults) as [FaultKind, number][]) {
      this.faults[kind] = (this.faults[kind] ?? 0) + count
    }
  }
}

/**
 * A simulation has found something that must not happen. The message says what, and how to see it
 * again.
 */
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
 * Puts a state machine through simulated clusters, each seed with its own faults: crashes,
 * partitions, failing disks and so on (docs/start/testing-your-machine.md). Rejects with a
 * SimulationFailure when replicas or clients see what must not be, or when the state machine turns
 * out not to be deterministic; with `invalid-options`; and with `aborted`. One simulation runs at a
 * time in a thread: the next one waits.
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
export async function simulate<M extends AnyMachine>(
  workload: Workload<M> & { machine(): MachineCheck<M> },
  options: SimulateOptions = {},
): Promise<Summary> {
  checkOptions('the options of simulate', options, RULES)
  const { count, first } = seedsOf(options)
  const { onViolation = printFailure, shrink = {}, signal } = options
  const summary = new Summary()
  for (let seed = first; seed < first + count; seed++) {
    const outcome = await runPlan(drawPlan(seed, options), workload, undefined, signal)
    summary.add(outcome.stats)
    options.onOutcome?.(outcome)
    if (outcome.violation === undefined) continue
    const failure = new SimulationFailure(seed, outcome.plan, outcome.violation)
    onViolation(failure)
    if (shrink === false) throw failure
    const limits = { limitMs: SHRINK_LIMIT_MS, ...shrink, ...(signal && { signal }) }
    const smallest = await shrinkPlan(outcome, workload, limits)
    throw new SimulationFailure(seed, smallest.plan, smallest.violation ?? outcome.violation)
  }
  return summary
}

function printFailure({ message }: SimulationFailure): void {
  process.stderr.write(`${message}\nThis is as it was found. Which of it is needed is being tried.\n`)
}
