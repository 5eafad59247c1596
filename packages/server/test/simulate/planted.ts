import type { ApplyContext, Machine } from 'synod'
import type { Workload } from 'synod-testing'

/** Notes when each name was seen last. Planted: it may ask the clock of its own machine. */
class LastSeen implements Machine<string, number, string, number | null> {
  readonly #seen = new Map<string, number>()
  readonly #now: (context: ApplyContext) => number

  constructor(now: (context: ApplyContext) => number) {
    this.#now = now
  }

  apply(name: string, context: ApplyContext): number {
    const nowMs = this.#now(context)
    this.#seen.set(name, nowMs)
    return nowMs
  }

  query(name: string): number | null {
    return this.#seen.get(name) ?? null
  }
}

function workload(now: (context: ApplyContext) => number): Workload<LastSeen> {
  return {
    machine: () => new LastSeen(now),
    command: (chance) => chance.pick(['ann', 'bob']),
    query: (chance) => chance.pick(['ann', 'bob']),
  }
}

/** Fails with every seed. */
export const clockRead = workload(() => Date.now())

/** As it should be. */
export const stamped = workload(({ timeMs }) => timeMs)
