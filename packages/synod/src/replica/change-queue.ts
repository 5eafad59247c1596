import type { Clock } from '../clock.js'
import type { MembershipView } from '../paxos/membership.js'
import type { OnOutcome } from './waiting-requests.js'

/** Has a change executed; `done` is told the outcome. Returns what gives up on it. */
type Begin = (done: OnOutcome) => () => void

/** Changes of the membership that wait until no other change of the voters is on its way. */
export class ChangeQueue {
  readonly #clock: Clock
  readonly #membership: MembershipView
  readonly #waiting = new Set<() => void>()

  constructor(clock: Clock, membership: MembershipView) {
    this.#clock = clock
    this.#membership = membership
  }

  /**
   * Has a change made now, or as soon as the one before it has taken force. Returns what gives up
   * on it.
   */
  add(begin: Begin, done: OnOutcome): () => void {
    let giveUp: () => void = () => undefined
    const attempt = () => {
      giveUp = begin((outcome) => {
        if (!('status' in outcome) || outcome.status !== 'later') {
          done(outcome)
          return
        }
        this.#waiting.add(again)
        // Execution lags behind: the other change may have taken force already, and no further one
        // be on its way.
        if (!this.#isChanging)
          this.#clock.next(() => {
            if (this.#waiting.has(again)) again()
          })
      })
    }
    const again = () => {
      this.#waiting.delete(again)
      try {
        attempt()
      } catch (error) {
        done({ status: 'refused', result: Buffer.from((error as Error).message) })
      }
    }
    if (this.#isChanging) this.#waiting.add(again)
    else attempt()
    return () => {
      this.#waiting.delete(again)
      giveUp()
    }
  }

  /** The membership has changed: waiting changes may go on. */
  advance(): void {
    if (!this.#isChanging) for (const again of [...this.#waiting]) again()
  }

  get #isChanging(): boolean {
    return this.#membership.state.configurations.length > 1
  }
}
