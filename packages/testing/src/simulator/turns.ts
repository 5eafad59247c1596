import { SynodError } from 'synod/internal/errors.js'

/**
 * The simulation that is the last in the queue of this thread: one at a time holds its clock and
 * its chance.
 */
let last: Promise<unknown> = Promise.resolve()

/** Runs a simulation when all simulations asked for before it are over, however they ended. */
export async function inTurn<T>(run: () => Promise<T>): Promise<T> {
  const own = last.then(run)
  last = own.catch(() => undefined)
  return own
}

/** Throws `aborted` if the caller has given up. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new SynodError('aborted', 'the simulation was given up', { cause: signal.reason })
}
