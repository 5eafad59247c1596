import { type RandomState, random, randomBetween } from 'synod/internal/paxos/random.js'

/**
 * All that is left to chance, from one seed: the same seed gives the same draws in the same order.
 */
export class Chance {
  readonly #state: RandomState

  constructor(seed: number) {
    this.#state = { seed: seed | 0 }
  }

  /** A number in [0, 1). */
  next(): number {
    return random(this.#state)
  }

  /** A number in [low, high). */
  between(low: number, high: number): number {
    return randomBetween(this.#state, low, high)
  }

  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** True this often, from 0 (never) to 1 (always). It draws in any case. */
  happens(probability: number): boolean {
    return this.next() < probability
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('nothing to pick from')
    return list[this.below(list.length)] as T
  }

  /** A seed for something that shall draw on its own, so that neither disturbs the other. */
  seed(): number {
    return this.below(2 ** 32)
  }

  /** A source of its own, seeded from this one. */
  fork(): Chance {
    return new Chance(this.seed())
  }
}
