import type { ApplyContext, Machine } from 'synod/internal/machine/machine.js'
import type { Workload } from '../../src/simulator/workload.js'

type Apply = (total: number, context: ApplyContext) => number

/** Adds up, and makes of each sum what `apply` says. */
export class Counter implements Machine<number, number, 'total', number> {
  #total = 0
  readonly #apply: Apply

  constructor(apply: Apply) {
    this.#apply = apply
  }

  apply(amount: number, context: ApplyContext): number {
    return (this.#total = this.#apply(this.#total + amount, context))
  }

  query(): number {
    return this.#total
  }
}

/** A workload with a counter; without `apply` nothing is wrong with it. */
export function counting(apply: Apply = (total) => total): Workload<Counter> {
  return {
    machine: () => new Counter(apply),
    command: (chance) => 1 + chance.below(9),
    query: () => 'total',
  }
}
