import type { AnyMachine } from 'synod/internal/machine/machine.js'
import { Violation, type ViolationKind } from './checks/violation.js'
import { TooLateError } from './timeline.js'
import type { World } from './world.js'

/** Within this time of its own, a healed majority must have answered everything. */
export const LIVENESS_BOUND_MS = 30_000

/**
 * Moves the clock until something holds, within `LIVENESS_BOUND_MS`. Rejects with a Violation that
 * begins with `otherwise`.
 */
export async function awaitLiveness<M extends AnyMachine>(
  world: World<M>,
  otherwise: string,
  until: (() => boolean) | Promise<unknown>,
  kind: ViolationKind = 'no-progress',
): Promise<void> {
  try {
    if (typeof until === 'function') await world.run(until, LIVENESS_BOUND_MS)
    else await world.settled(until, LIVENESS_BOUND_MS)
  } catch (error) {
    if (!(error instanceof TooLateError)) throw error
    const message = `${otherwise} within ${LIVENESS_BOUND_MS} ms\n${world.describe()}`
    throw new Violation(kind, message, { cause: error })
  }
}
