import { type Outcome, runPlan } from './simulation.js'
import type { Plan } from './faults/plan.js'
import type { Workload } from './workload.js'

export interface ShrinkOptions {
  /** How many plans to try, at most: 200 unless given. */
  readonly attempts?: number
  /** Called before each attempt with the number of faults that are left. */
  readonly onAttempt?: (attempt: number, faults: number) => void
}

/**
 * Cuts a plan with a violation down to what it takes to find a violation of the same kind: fewer faults, fewer
 * clients, a shorter run. (Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing Input, 2002.) Answers the outcome of the
 * smallest plan found.
 */
export async function shrinkPlan<C, R, Q, A>(
  failed: Outcome,
  workload: Workload<C, R, Q, A>,
  options: ShrinkOptions = {},
): Promise<Outcome> {
  const shrinking = new Shrinking(failed, workload, options)
  // A simpler run may need fewer faults, and with fewer faults it may be simpler still.
  let before: Outcome
  do {
    before = shrinking.smallest
    await shrinking.dropFaults()
    await shrinking.simplify()
  } while (shrinking.smallest !== before)
  return shrinking.smallest
}

class Shrinking<C, R, Q, A> {
  smallest: Outcome
  readonly #workload: Workload<C, R, Q, A>
  readonly #options: ShrinkOptions
  #attempts = 0

  constructor(failed: Outcome, workload: Workload<C, R, Q, A>, options: ShrinkOptions) {
    this.smallest = failed
    this.#workload = workload
    this.#options = options
  }

  /** Leaves out parts of the faults: halves first, then ever smaller ones, to single faults. */
  async dropFaults(): Promise<void> {
    let size = Math.ceil(this.#plan.faults.length / 2)
    while (size >= 1) {
      let dropped = false
      for (let from = 0; from < this.#plan.faults.length && !this.#isOver;) {
        const faults = this.#plan.faults.filter((_, index) => index < from || index >= from + size)
        if (await this.#try({ faults })) dropped = true
        else from += size
      }
      if (!dropped || size > this.#plan.faults.length) size = Math.floor(size / 2)
    }
  }

  /** Whatever else need not be: what is gone after one attempt is tried no further. */
  async simplify(): Promise<void> {
    const plan = this.#plan
    if (plan.left.length > 0) await this.#try({ left: [] })
    if (plan.crowd !== undefined && plan.crowd.clients > 0)
      await this.#try({ crowd: { ...plan.crowd, clients: 0 } })
    if (plan.pieces) await this.#try({ pieces: false })
    if (plan.rates.some((rate) => rate !== 1)) await this.#try({ rates: plan.rates.map(() => 1) })
    for (let clients = plan.clients - 1; clients >= 0; clients--) if (!(await this.#try({ clients }))) break
    const last_ms = Math.max(0, ...this.#plan.faults.map(({ at_ms, for_ms }) => at_ms + for_ms))
    for (const duration_ms of [last_ms, this.#plan.duration_ms / 4, this.#plan.duration_ms / 2]) {
      if (duration_ms < this.#plan.duration_ms) await this.#try({ duration_ms })
    }
  }

  get #plan(): Plan {
    return this.smallest.plan
  }

  get #isOver(): boolean {
    return this.#attempts >= (this.#options.attempts ?? 200)
  }

  async #try(change: Partial<Plan>): Promise<boolean> {
    if (this.#isOver) return false
    const plan = { ...this.#plan, ...change }
    this.#options.onAttempt?.(++this.#attempts, plan.faults.length)
    const outcome = await runPlan(plan, this.#workload)
    if (outcome.violation?.kind !== this.smallest.violation?.kind) return false
    this.smallest = outcome
    return true
  }
}
