import { type Ballot, type ServerId, type Slot, sameBallot } from './ballot.js'
import { MAX_MESSAGE_SLOTS, MAX_MESSAGE_VALUES_BYTES, type PaxosConfig } from './config.js'
import type { Effects } from './effects.js'
import { InvariantError } from './invariants.js'
import type { Log } from './log.js'
import type { Change, Membership, MembershipState } from './membership.js'
import type { Decided, Fetch } from './messages.js'
import { type Value, sameValue } from './value.js'

export interface LearnerState {
  /** The chosen watermark: every slot up to this one is known to be chosen. */
  chosen: Slot
  /** A fetch that its peer has not answered. */
  fetch: { peer: ServerId; untilMs: number } | null
}

export function emptyLearner(): LearnerState {
  return { chosen: 0, fetch: null }
}

/**
 * The learner of both modes: which values are chosen, and catching up with peers that know more.
 */
export class Learner {
  readonly state: LearnerState
  readonly #log: Log
  readonly #effects: Effects
  readonly #membership: Membership
  readonly #changeOf: (value: Value) => Change | undefined
  readonly #resendMs: number

  constructor(
    state: LearnerState,
    log: Log,
    effects: Effects,
    membership: Membership,
    { changeOf, resendMs }: PaxosConfig,
  ) {
    this.state = state
    this.#log = log
    this.#effects = effects
    this.#membership = membership
    this.#changeOf = changeOf
    this.#resendMs = resendMs
  }

  /**
   * In slots `first` to `last` the value voted for at `ballot` is chosen. That says nothing about a
   * vote of this server at another ballot: such slots stay open, and the method returns false.
   */
  chooseVotes(ballot: Ballot, first: Slot, last: Slot): boolean {
    let complete = true
    let run = 0
    for (let slot = first; slot <= last; slot++) {
      if (this.#log.isChosen(slot)) continue
      const state = this.#log.find(slot)
      if (state?.value === undefined || !sameBallot(state.ballot, ballot)) {
        complete = false
        continue
      }
      this.#log.choose(slot, state.value)
      run = run === 0 ? slot : run
      const next = this.#log.find(slot + 1)
      const runEnds =
        slot === last ||
        next?.value === undefined ||
        next.chosen !== undefined ||
        !sameBallot(next.ballot, ballot)
      if (runEnds) {
        this.#effects.record({ type: 'chosen', first: run, last: slot })
        run = 0
      }
    }
    this.#advance()
    return complete
  }

  /** These values are chosen in the slots from `first` on. */
  chooseValues(first: Slot, values: readonly Value[]): void {
    if (this.restoreValues(first, values)) this.#effects.record({ type: 'decided', first, values })
  }

  /** A peer knows the chosen values up to `watermark`: fetches the missing ones. */
  onWatermark(peer: ServerId, watermark: Slot, nowMs: number): void {
    const { chosen, fetch } = this.state
    if (watermark <= chosen || (fetch !== null && nowMs < fetch.untilMs)) return
    this.state.fetch = { peer, untilMs: nowMs + this.#resendMs }
    const first = chosen + 1
    this.#effects.send(peer, {
      type: 'fetch',
      first,
      last: Math.min(watermark, first + MAX_MESSAGE_SLOTS - 1),
    })
  }

  onDecided(from: ServerId, message: Decided, nowMs: number): void {
    this.chooseValues(message.first, message.values)
    if (this.state.fetch?.peer !== from) return
    this.state.fetch = null
    // A server that is far behind continues at once. An answer without values ends it.
    if (message.values.length > 0) this.onWatermark(from, this.state.chosen + MAX_MESSAGE_SLOTS, nowMs)
  }

  /** A peer has dropped slots that are missing here: only a snapshot holds their results. */
  onTrimmed(from: ServerId, slot: Slot): void {
    if (slot > this.state.chosen) this.#effects.behind(from, slot)
  }

  /** Answers with the chosen values from the first slot asked for, as many as one message takes. */
  onFetch(from: ServerId, message: Fetch): void {
    const { trimmed } = this.#log.state
    if (message.first <= trimmed) {
      this.#effects.send(from, { type: 'trimmed', slot: trimmed })
      return
    }
    const values: Value[] = []
    let sizeBytes = 0
    const last = Math.min(message.last, message.first + MAX_MESSAGE_SLOTS - 1)
    for (let slot = message.first; slot <= last; slot++) {
      const value = this.#log.chosen(slot)
      if (value === undefined) break
      if (values.length > 0 && sizeBytes + value.length > MAX_MESSAGE_VALUES_BYTES) break
      sizeBytes += value.length
      values.push(value)
    }
    this.#effects.send(from, { type: 'decided', first: message.first, values })
  }

  /** A snapshot holds the results of every slot up to this one, and the membership there. */
  trim(slot: Slot, membership?: MembershipState): void {
    this.#log.trim(slot)
    this.state.chosen = Math.max(this.state.chosen, slot)
    const { isKnown, state } = this.#membership
    const isNews = !isKnown || (membership?.slot ?? 0) > state.slot
    if (membership !== undefined && isNews && membership.slot >= this.#log.state.trimmed) {
      this.#membership.replace(membership)
      for (let next = membership.slot + 1; next <= this.state.chosen; next++) this.#apply(next)
    }
    this.#membership.skip(slot)
    this.#advance()
  }

  restoreVotes(first: Slot, last: Slot): void {
    for (let slot = Math.max(first, this.#log.state.trimmed + 1); slot <= last; slot++) {
      const value = this.#log.find(slot)?.value
      if (value === undefined)
        throw new InvariantError(`the journal says that slot ${slot} is chosen, but holds no vote`)
      this.#log.choose(slot, value)
    }
    this.#advance()
  }

  /** Returns whether any of the values is new. */
  restoreValues(first: Slot, values: readonly Value[]): boolean {
    let news = false
    for (const [offset, value] of values.entries()) {
      const slot = first + offset
      const known = this.#log.chosen(slot)
      if (known !== undefined) {
        if (!sameValue(known, value)) throw new InvariantError(`two values chosen in slot ${slot}`)
      } else if (!this.#log.isChosen(slot)) {
        this.#log.choose(slot, value)
        news = true
      }
    }
    this.#advance()
    return news
  }

  #advance(): void {
    while (this.#log.isChosen(this.state.chosen + 1)) this.#apply(++this.state.chosen)
  }

  #apply(slot: Slot): void {
    const value = this.#log.chosen(slot)
    this.#membership.apply(slot, value === undefined ? undefined : this.#changeOf(value))
  }
}
