/**
 * Stands in the place of a result where a state machine has refused the command: in what
 * `applyBatch` returns, and in what was applied. `apply` throws instead.
 *
 * @example
 * class Total {
 *   #total = 0
 *   applyBatch(batch: readonly BatchedCommand<number>[]): (number | Refusal)[] {
 *     return batch.map(({ command }) =>
 *       command < 0 ? new Refusal('an amount is negative') : (this.#total += command),
 *     )
 *   }
 * }
 */
export class Refusal {
  /** Why, for people: up to 1 KiB of it reaches the caller, as `command-failed`. */
  readonly message: string

  constructor(message: string) {
    this.message = message
  }
}
