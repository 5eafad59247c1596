import type { AnyMachine } from 'synod'
import {
  type SimulationOutcome,
  type Plan,
  Violation,
  type Workload,
  runPlan,
  shrinkPlan,
} from 'synod-testing'

/** The result of a plan, as plain data that can go from one thread to another. */
export interface Run extends Omit<SimulationOutcome, 'violation'> {
  readonly violation: Pick<Violation, 'kind' | 'message'> | undefined
  /** The lines of its trace (docs/reference/trace.md), where they were asked for. */
  readonly trace: readonly string[] | undefined
}

/** Shrinking is optional: the violation has been reported before it begins. */
const SHRINK_LIMIT_MS = 60_000

/** A run with a violation. */
export type FailedRun = Run & { readonly violation: NonNullable<Run['violation']> }

export function hasFailed(run: Run): run is FailedRun {
  return run.violation !== undefined
}

/** Called before each attempt at a smaller plan, with how many faults that has. */
export type OnAttempt = (attempt: number, faults: number) => void

/** Runs plans, one at a time. */
export interface Runner {
  run(plan: Plan, traced: boolean): Promise<Run>
  /** Cuts the plan of a run down to what it takes, and runs that, with its trace. */
  shrink(failed: FailedRun, onAttempt: OnAttempt): Promise<Run>
}

/** Runs plans in this thread, which does nothing else meanwhile. */
export class LocalRunner<M extends AnyMachine> implements Runner {
  readonly #workload: Workload<M>

  constructor(workload: Workload<M>) {
    this.#workload = workload
  }

  async run(plan: Plan, traced: boolean): Promise<Run> {
    const trace: string[] = []
    const listener = traced ? (line: string) => trace.push(line) : undefined
    const { violation, ...outcome } = await runPlan(plan, this.#workload, listener)
    const found = violation && { kind: violation.kind, message: violation.message }
    return { ...outcome, violation: found, trace: traced ? trace : undefined }
  }

  async shrink({ violation, ...failed }: FailedRun, onAttempt: OnAttempt): Promise<Run> {
    const outcome = { ...failed, violation: new Violation(violation.kind, violation.message) }
    const { plan } = await shrinkPlan(outcome, this.#workload, { onAttempt, limitMs: SHRINK_LIMIT_MS })
    return this.run(plan, true)
  }
}
