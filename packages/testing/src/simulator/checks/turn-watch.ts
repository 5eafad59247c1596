import type { Clock } from 'synod/internal/clock.js'
import { MAX_TURN_UNITS } from 'synod/internal/net/transport/turns.js'

/** A turn may go on to the end of the share that it has begun. */
const MOST_IN_A_TURN = MAX_TURN_UNITS + 64

/** Messages of one client that were put off. */
export interface Deferred {
  readonly messages: number
  readonly period: number
}

/**
 * Counts the messages of clients that a replica deals with, and the turns of its event loop that it
 * takes for them: over a period, from one moment at which nothing was put off to the next.
 */
export class TurnWatch {
  readonly #clock: Clock
  readonly #violate: (what: string) => void
  #period = 0
  #done = 0
  #turns = 0
  /** How many messages may not have been looked at. */
  #behind = 0
  #isArmed = false

  constructor(clock: Clock, violate: (what: string) => void) {
    this.#clock = clock
    this.#violate = violate
  }

  /** How many were dealt with in this turn. */
  done(messages: number): void {
    if (messages === 0) return
    this.#done += messages
    this.#arm()
  }

  /** Counts messages that will be dealt with in this turn or in later ones. */
  defer(messages: number): Deferred {
    this.#behind += messages
    if (messages > 0) this.#arm()
    return { messages, period: this.#period }
  }

  /** They have been dealt with. */
  caughtUp({ messages, period }: Deferred): void {
    if (period !== this.#period) return
    this.#behind -= messages
    this.done(messages)
  }

  /** They never will be: their client is gone. */
  forget({ messages, period }: Deferred): void {
    if (period === this.#period) this.#behind -= messages
  }

  #arm(): void {
    if (this.#isArmed) return
    this.#isArmed = true
    this.#clock.soon(() => {
      this.#isArmed = false
      this.#endTurn()
    })
  }

  /** What is still put off after this many turns is so for another reason, and may be for ever. */
  #endTurn(): void {
    this.#turns++
    const enough = (this.#done + this.#behind) / MOST_IN_A_TURN + 1
    if (this.#behind > 0 && this.#turns <= enough) {
      this.#arm()
      return
    }
    // The turns of the replica need not begin where these do.
    if (this.#done > MOST_IN_A_TURN * (this.#turns + 1))
      this.#violate(`dealt with ${this.#done} messages of clients in ${this.#turns} turns`)
    this.#period++
    this.#done = 0
    this.#turns = 0
    this.#behind = 0
  }
}
