import type { Turns } from './turns.js'

/**
 * One that has spent no more than this lately is modest; in each turn FORGOTTEN_UNITS of what was
 * spent are forgotten.
 */
const MODEST_UNITS = 64
const FORGOTTEN_UNITS = 8

/** A new one counts as having spent this: else ever new connections would all be modest. */
const NEW_UNITS = 4 * MODEST_UNITS

/**
 * Takes its share of the turns, a connection of a client, say, and goes first while it spends
 * little. With more work left after its share, it is not modest.
 */
export class TurnTaker {
  readonly #turns: Turns
  #spent = NEW_UNITS
  /** The turn in which it last spent something. */
  #at: number

  constructor(turns: Turns) {
    this.#turns = turns
    this.#at = turns.number
  }

  spend(units: number): void {
    this.#turns.spend(units)
    this.#spent = this.#lately + units
    this.#at = this.#turns.number
  }

  /**
   * Calls `run` in a later turn: sooner if little was spent lately, unless it `hasMore` after its
   * share.
   */
  later(run: () => void, hasMore: boolean): void {
    this.#turns.later(run, hasMore || this.#lately > MODEST_UNITS ? 'more' : 'modest')
  }

  get #lately(): number {
    return Math.max(0, this.#spent - FORGOTTEN_UNITS * (this.#turns.number - this.#at))
  }
}
