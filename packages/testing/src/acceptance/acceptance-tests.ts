import type { MachineCheck } from 'synod/internal/machine/machine-check.js'
import type { AnyMachine } from 'synod/internal/machine/machine.js'
import { checkOptions } from 'synod/internal/options.js'
import { Chance } from '../chance.js'
import { SEED_RULES, seedsOf } from '../seeds.js'
import { inTurn } from '../simulator/turns.js'
import { type Workload, checkWorkload } from '../simulator/workload.js'
import { CHECKS, Trial } from './checks.js'

export interface AcceptanceOptions {
  /** The first seed: 1 unless given, or what the environment variable `SYNOD_SEED` says. */
  readonly seed?: number
  /** How many seeds: 20 unless given, or what the environment variable `SYNOD_SEEDS` says. */
  readonly seeds?: number
}

/** One test, for any test runner. */
export interface AcceptanceTest {
  readonly name: string
  /** Rejects with an `AcceptanceFailure`. */
  readonly run: () => Promise<void>
}

/** A state machine breaks its contract. The message says how, and how to see it again. */
export class AcceptanceFailure extends Error {
  override readonly name = 'AcceptanceFailure'
  readonly seed: number

  constructor(seed: number, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    super(`${reason}\nSeed ${seed}. Replay: SYNOD_SEED=${seed} SYNOD_SEEDS=1.`, { cause })
    this.seed = seed
  }
}

/**
 * The tests that every state machine must pass, without a cluster: determinism, snapshots,
 * `applyBatch` and immutable answers, as far as the machine has them. Throws `invalid-options`.
 *
 * @example
 * const counter = { machine: () => new Counter(), command: (chance: Chance) => chance.below(10) }
 * for (const { name, run } of acceptanceTests(counter)) test(name, run)
 */
export function acceptanceTests<M extends AnyMachine>(
  workload: Workload<M> & { machine(): MachineCheck<M> },
  options: AcceptanceOptions = {},
): readonly AcceptanceTest[] {
  checkWorkload(workload)
  checkOptions('the options of acceptanceTests', options, SEED_RULES)
  const { count, first } = seedsOf(options)
  const machine = workload.machine()
  return CHECKS.filter((check) => check.applies(machine)).map((check) => ({
    name: check.name,
    run: () =>
      inTurn(async () => {
        for (let seed = first; seed < first + count; seed++) {
          try {
            await check.run(new Trial<M>(workload, new Chance(seed)))
          } catch (error) {
            throw new AcceptanceFailure(seed, error)
          }
        }
      }),
  }))
}
