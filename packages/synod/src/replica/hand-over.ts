import type { Clock } from '../clock.js'
import { SynodError } from '../errors.js'
import { MIN_RETRY_MS, overloaded } from '../pace.js'
import type { ServerId } from '../paxos/ballot.js'

/** What was asked of the leader may get lost: it is asked again after this time. */
const AGAIN_MS = 100

/** After this time nobody is expected to take over any more. */
export const HAND_OVER_MS = 5000

/** So many may wait for a hand-over at once: more than people and programs that have a reason to. */
export const MAX_WISHES = 256

export interface HandOverParts {
  readonly clock: Clock
  /** Who leads, as far as this replica knows. */
  readonly leader: () => ServerId | undefined
  /** Whether this server votes, so that it may lead. */
  readonly isVoter: (server: ServerId) => boolean
  /** Asks the core to see to it that `to` leads, or anyone where it is 0. */
  readonly ask: (to: ServerId) => void
}

interface Wish {
  readonly from: ServerId
  readonly to: ServerId
  readonly until_ms: number
  readonly done: (error?: SynodError) => void
}

/** Sees to it that another server leads, and tells when it does. */
export class HandOver {
  readonly #parts: HandOverParts
  readonly #wishes = new Set<Wish>()
  #cancelTimer: () => void = () => undefined

  constructor(parts: HandOverParts) {
    this.#parts = parts
  }

  /**
   * `done` is called once. Returns what gives up on it. Throws `invalid-options` for a server that is not there, `transfer-failed` and
   * `overloaded`.
   */
  begin(to: ServerId, done: (error?: SynodError) => void): () => void {
    const { clock, isVoter, leader } = this.#parts
    if (to !== 0 && !isVoter(to)) throw new SynodError('invalid-options', `s${to} is not a server that votes`)
    const from = leader()
    if (from === undefined)
      throw new SynodError('transfer-failed', 'no server leads at the moment: try again when one does')
    const [oldest] = this.#wishes
    if (oldest !== undefined && this.#wishes.size >= MAX_WISHES) {
      const what = `${MAX_WISHES} wait already for another server to lead`
      throw overloaded(what, Math.max(MIN_RETRY_MS, Math.ceil(oldest.until_ms - clock.now())))
    }
    const wish: Wish = { from, to, until_ms: clock.now() + HAND_OVER_MS, done }
    this.#wishes.add(wish)
    this.#ask()
    return () => this.#wishes.delete(wish)
  }

  /** It may be another server that leads now. */
  look(): void {
    const leader = this.#parts.leader()
    if (this.#wishes.size === 0 || leader === undefined) return
    for (const wish of this.#wishes) {
      if (wish.to === 0 ? leader !== wish.from : leader === wish.to) this.#end(wish)
    }
  }

  stop(): void {
    this.#cancelTimer()
    this.#wishes.clear()
  }

  #ask(): void {
    const { ask, clock } = this.#parts
    this.look()
    for (const wish of this.#wishes) {
      if (clock.now() < wish.until_ms) ask(wish.to)
      else
        this.#end(
          wish,
          new SynodError(
            'transfer-failed',
            `no server took over the leadership within ${HAND_OVER_MS} ms, and one still may: see in the status who is connected`,
          ),
        )
    }
    this.#cancelTimer()
    if (this.#wishes.size === 0) return
    this.#cancelTimer = clock.timer(AGAIN_MS, () => {
      this.#ask()
    })
  }

  #end(wish: Wish, error?: SynodError): void {
    if (this.#wishes.delete(wish)) wish.done(error)
  }
}
