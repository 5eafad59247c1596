import type { Clock } from '../clock.js'
import type { SynodError } from '../errors.js'
import type { MembershipView } from '../paxos/membership.js'
import type { Outcome } from '../machine/outcome.js'
import { type Caller, OVER, type Operation } from './caller.js'

/** Has a change executed on behalf of a caller. */
type Begin = (caller: Caller<Outcome>) => Operation

/** Changes of the membership that wait until no other change of the voters is on its way. */
export class ChangeQueue {
  readonly #clock: Clock
  readonly #membership: MembershipView
  readonly #waiting = new Set<() => void>()

  constructor(clock: Clock, membership: MembershipView) {
    this.#clock = clock
    this.#membership = membership
  }

  /** Has a change made now, or as soon as the one before it has taken force. */
  add(begin: Begin, caller: Caller<Outcome>): Operation {
    let attempted = OVER
    const attempt = () => {
      const done = (outcome: Outcome | SynodError) => {
        if (!('status' in outcome) || outcome.status !== 'later') {
          caller.done(outcome)
          return
        }
        this.#waiting.add(again)
        // Execution lags behind: the other change may have taken force already, and no further one
        // be on its way.
        if (!this.#isChanging)
          this.#clock.next(() => {
            if (this.#waiting.has(again)) again()
          })
      }
      attempted = begin({ done })
    }
    const again = () => {
      this.#waiting.delete(again)
      try {
        attempt()
      } catch (error) {
        caller.done({ status: 'refused', result: Buffer.from((error as Error).message) })
      }
    }
    if (this.#isChanging) this.#waiting.add(again)
    else attempt()
    const giveUp = () => {
      this.#waiting.delete(again)
      attempted.giveUp()
    }
    return { giveUp }
  }

  /** The membership has changed: waiting changes may go on. */
  advance(): void {
    if (!this.#isChanging) for (const again of [...this.#waiting]) again()
  }

  get #isChanging(): boolean {
    return this.#membership.state.configurations.length > 1
  }
}
