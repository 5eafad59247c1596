import type { Model } from './model.js'
import { structuralKey } from './structural-key.js'

/** Gives each state a number, the same to equal ones. */
export class States<State> {
  readonly #keyOf: (state: State) => string
  readonly #numbers = new Map<string, number>()

  constructor(model: Model<State, never, never>) {
    this.#keyOf = (state) => model.key?.(state) ?? structuralKey(state)
  }

  /** How many have a number. */
  get count(): number {
    return this.#numbers.size
  }

  number(state: State): number {
    const key = this.#keyOf(state)
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    this.#numbers.set(key, this.#numbers.size)
    return this.#numbers.size - 1
  }
}
