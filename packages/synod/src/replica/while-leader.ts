import type { CurrentLeadership } from './leadership.js'

/** What the work of a leadership is handed. */
export interface Leading {
  /**
   * Grows with every leadership, on whichever server: a safe integer. A resource that the work
   * writes to keeps the highest one that it has seen, and refuses a lower one.
   */
  readonly fence: number
  /** Is aborted when the leadership ends. */
  readonly signal: AbortSignal
}

export interface WhileLeaderParts {
  /** Ends with the signal of the caller, and with the replica. */
  readonly leaderships: AsyncIterableIterator<CurrentLeadership, undefined>
  readonly isCurrent: (leadership: CurrentLeadership) => boolean
  /** Waits until all is executed here that was chosen before. */
  readonly caughtUp: (signal: AbortSignal) => Promise<void>
}

/** Runs the work once in each leadership of this server, until the leaderships end. */
export async function whileLeader(
  { caughtUp, isCurrent, leaderships }: WhileLeaderParts,
  work: (leading: Leading) => unknown,
): Promise<void> {
  let next = leaderships.next()
  try {
    for (;;) {
      const leadership = await next
      if (leadership.done === true) return
      next = leaderships.next()
      if (!leadership.value.isSelf) continue
      const { signal } = abortedBy(next)
      if (!(await isCaughtUp(caughtUp, signal)) || !isCurrent(leadership.value)) continue
      await run(work, { fence: leadership.value.fence, signal })
    }
  } finally {
    await leaderships.return?.()
  }
}

/** The leadership is over when there is a next one, or the leaderships end. */
function abortedBy(next: Promise<unknown>): AbortController {
  const controller = new AbortController()
  const abort = () => {
    controller.abort()
  }
  next.then(abort, abort)
  return controller
}

/** False where the leadership is over before. */
async function isCaughtUp(caughtUp: WhileLeaderParts['caughtUp'], signal: AbortSignal): Promise<boolean> {
  try {
    await caughtUp(signal)
    return true
  } catch (error) {
    if (signal.aborted) return false
    throw error
  }
}

async function run(work: (leading: Leading) => unknown, leading: Leading): Promise<void> {
  try {
    await work(leading)
  } catch (error) {
    if (!leading.signal.aborted || !isOfAbort(error, leading.signal)) throw error
  }
}

/** Whether an error follows from the signal, or from the end of the replica. */
function isOfAbort(error: unknown, { reason }: AbortSignal): boolean {
  if (error === reason) return true
  const { cause, code, name } = (error ?? {}) as Partial<Record<'cause' | 'code' | 'name', unknown>>
  return cause === reason || name === 'AbortError' || code === 'closed'
}
