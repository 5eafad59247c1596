import type { AnyMachine } from 'synod/internal/machine/machine.js'
import { type SimulationOutcome, runPlan } from './simulation.js'
import { FUNCTION, type Rules, SIGNAL, TIMEOUT_MS, checkOptions } from 'synod/internal/options.js'
import type { Plan } from './faults/plan.js'
import type { Workload } from './workload.js'

export interface ShrinkOptions {
  /** How many plans to try, at most: 200 unless given. */
  readonly attempts?: number
  /**
   * For how long to try, in milliseconds of real time: Infinity, which is no limit, unless given,
   * or 0 to 3,600,000.
   */
  readonly limitMs?: number
  /** Ends the attempts: the smallest plan found by then is the answer. */
  readonly signal?: AbortSignal
  /** Called before each attempt with the number of faults that are left. */
  readonly onAttempt?: (attempt: number, faults: number) => void
}

export const SHRINK_RULES = {
  attempts: { may: 'a number from 0 on', fits: (value: unknown) => typeof value === 'number' && value >= 0 },
  limitMs: {
    may: 'from 0 to 3,600,000, or Infinity for no limit',
    fits: (value: unknown) => value === 0 || TIMEOUT_MS.fits(value, ''),
  },
  signal: SIGNAL,
  onAttempt: FUNCTION,
} satisfies Rules

/**
 * Cuts a plan with a violation down to what it takes to find a violation of the same kind: fewer
 * faults, fewer clients, a shorter run. (Zeller, Hildebrandt: Simplifying and Isolating
 * Failure-Inducing Input, 2002.) Answers the outcome of the smallest plan found.
 */
export async function shrinkPlan<M extends AnyMachine>(
  failed: SimulationOutcome,
  workload: Workload<M>,
  options: ShrinkOptions = {},
): Promise<SimulationOutcome> {
  checkOptions('the options of shrinkPlan', options, SHRINK_RULES)
  const shrinking = new Shrinking(failed, workload, options)
  // A simpler run may need fewer faults, and with fewer faults it may be simpler still.
  let before: SimulationOutcome
  do {
    before = shrinking.smallest
    await shrinking.dropFaults()
    await shrinking.simplify()
  } while (shrinking.smallest !== before)
  return shrinking.smallest
}

class Shrinking<M extends AnyMachine> {
  smallest: SimulationOutcome
  readonly #workload: Workload<M>
  readonly #options: ShrinkOptions
  readonly #untilMs: number
  #attempts = 0

  constructor(failed: SimulationOutcome, workload: Workload<M>, options: ShrinkOptions) {
    this.smallest = failed
    this.#workload = workload
    this.#options = options
    this.#untilMs = performance.now() + (options.limitMs ?? Infinity)
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

  /** Then all else that need not be: what is gone after one attempt is tried no further. */
  async simplify(): Promise<void> {
    const plan = this.#plan
    if (plan.left.length > 0) await this.#try({ left: [] })
    if (plan.atOnce !== undefined && plan.atOnce > 1) await this.#try({ atOnce: 1 })
    if (plan.crowd !== undefined && plan.crowd.clients > 0)
      await this.#try({ crowd: { ...plan.crowd, clients: 0 } })
    if (plan.pieces) await this.#try({ pieces: false })
    if (plan.rates.some((rate) => rate !== 1)) await this.#try({ rates: plan.rates.map(() => 1) })
    for (let clients = plan.clients - 1; clients >= 0; clients--) if (!(await this.#try({ clients }))) break
    const lastMs = Math.max(0, ...this.#plan.faults.map(({ atMs, forMs }) => atMs + forMs))
    for (const durationMs of [lastMs, this.#plan.durationMs / 4, this.#plan.durationMs / 2]) {
      if (durationMs < this.#plan.durationMs) await this.#try({ durationMs })
    }
  }

  get #plan(): Plan {
    return this.smallest.plan
  }

  get #isOver(): boolean {
    const { attempts = 200, signal } = this.#options
    return this.#attempts >= attempts || performance.now() >= this.#untilMs || signal?.aborted === true
  }

  async #try(change: Partial<Plan>): Promise<boolean> {
    if (this.#isOver) return false
    const plan = { ...this.#plan, ...change }
    this.#options.onAttempt?.(++this.#attempts, plan.faults.length)
    const outcome = await runPlan(plan, this.#workload, undefined, this.#options.signal).catch(
      (error: unknown) => {
        if (this.#options.signal?.aborted !== true) throw error
        return undefined
      },
    )
    if (outcome === undefined) return false
    if (outcome.violation?.kind !== this.smallest.violation?.kind) return false
    this.smallest = outcome
    return true
  }
}
