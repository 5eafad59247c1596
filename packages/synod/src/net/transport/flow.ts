import type { Turns } from './turns.js'

/**
 * A flow that has spent no more than this lately asks for little; in each turn this much of it is
 * forgotten.
 */
const MODEST_UNITS = 64
const FORGOTTEN_UNITS = 8

/**
 * One that is new has to wait until that is forgotten: otherwise there would be no end of new ones
 * that ask for little each.
 */
const NEW_UNITS = 4 * MODEST_UNITS

/**
 * One who has work done in turns: a connection, say. It asks for little as long as it spends
 * little; who has much to do and gets a small share of each turn spends little, too, and so does
 * not count as modest while it has more.
 */
export class Flow {
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
