import {
  type Ballot,
  type ServerId,
  type Slot,
  ZERO_BALLOT,
  compareBallots,
  maxBallot,
  sameBallot,
} from './ballot.js'
import { MAX_MESSAGE_SLOTS, MAX_MESSAGE_VALUES_BYTES } from './config.js'
import type { Effects } from './effects.js'
import { InvariantError } from './invariants.js'
import type { Log } from './log.js'
import type { Accept, Accepted, Prepare, PromiseMessage, ReportedVote, Scope } from './messages.js'
import type { PromiseRecord, TrimRecord } from './records.js'
import { type Value, sameValue } from './value.js'

export interface AcceptorState {
  /** The highest ballot promised for every slot, by a prepare with scope `log`. */
  promised: Ballot
  /** The highest ballot of any vote. */
  voted: Ballot
}

export function emptyAcceptor(): AcceptorState {
  return { promised: ZERO_BALLOT, voted: ZERO_BALLOT }
}

/**
 * The acceptor of both modes. For a slot it is bound by the highest ballot that it has promised for
 * that slot, by either kind of prepare, or voted at there. Each answer rests on a record, and
 * leaves only once that record is durable.
 */
export class Acceptor {
  readonly state: AcceptorState
  readonly #log: Log
  readonly #effects: Effects

  constructor(state: AcceptorState, log: Log, effects: Effects) {
    this.state = state
    this.#log = log
    this.#effects = effects
  }

  /** Below this ballot the acceptor neither promises nor votes in the slot. */
  bound(slot: Slot): Ballot {
    const state = this.#log.find(slot)
    if (state === undefined) return this.state.promised
    return maxBallot(this.state.promised, maxBallot(state.promised, state.ballot))
  }

  /** Below this ballot the acceptor makes no promise for every slot. */
  get logBound(): Ballot {
    return maxBallot(this.state.promised, this.state.voted)
  }

  /** Returns undefined if a higher ballot binds the acceptor. */
  promise(ballot: Ballot, scope: Scope, slot: Slot): PromiseMessage | undefined {
    if (this.#refuses(ballot, scope, slot)) return undefined
    const before = scope === 'log' ? this.state.promised : (this.#log.find(slot)?.promised ?? ZERO_BALLOT)
    if (compareBallots(ballot, before) > 0) {
      this.restorePromise(ballot, scope, slot)
      this.#effects.record({ type: 'promise', scope, slot: scope === 'log' ? 0 : slot, ballot })
    }
    const { votes, next } = this.#votes(slot, scope === 'log' ? this.#log.state.voted : slot)
    return { type: 'promise', ballot, scope, slot, votes, next }
  }

  /**
   * Votes for one value in each slot from `first` on. Returns undefined, with no vote, if any slot
   * is bound higher.
   */
  vote(ballot: Ballot, first: Slot, values: readonly Value[]): Accepted | undefined {
    let repeated = true
    for (const [offset, value] of values.entries()) {
      const slot = first + offset
      if (compareBallots(ballot, this.bound(slot)) < 0) return undefined
      const state = this.#log.find(slot)
      if (state === undefined || !sameBallot(state.ballot, ballot)) repeated = false
      else if (state.value !== undefined && !sameValue(state.value, value))
        throw new InvariantError(`two values at one ballot in slot ${slot}`)
    }
    if (!repeated) {
      this.restoreVote(ballot, first, values)
      this.#effects.record({ type: 'vote', ballot, first, values })
    }
    return { type: 'accepted', ballot, first, last: first + values.length - 1 }
  }

  /** Returns whether the acceptor promised. */
  onPrepare(from: ServerId, message: Prepare): boolean {
    const { ballot, scope, slot } = message
    if (ballot.server !== from) return false
    if (this.#reportTrimmed(from, message, slot)) return false
    const promise = this.promise(ballot, scope, slot)
    if (promise !== undefined) this.#effects.sendAfterDurable(from, promise)
    else this.#refuse(from, ballot, slot, scope)
    return promise !== undefined
  }

  /** Returns whether the acceptor voted. */
  onAccept(from: ServerId, message: Accept): boolean {
    if (message.ballot.server !== from || message.values.length === 0) return false
    if (this.#reportTrimmed(from, message, message.first)) return false
    const accepted = this.vote(message.ballot, message.first, message.values)
    if (accepted !== undefined) this.#effects.sendAfterDurable(from, accepted)
    else this.#refuse(from, message.ballot, message.first, 'slot')
    return accepted !== undefined
  }

  /**
   * The votes of a trimmed slot are gone, and a promise without them would say "no vote". A
   * proposer at a ballot that counts has to catch up first, and is told so.
   */
  #reportTrimmed(from: ServerId, message: Prepare | Accept, slot: Slot): boolean {
    const { trimmed } = this.#log.state
    if (slot > trimmed) return false
    const scope = message.type === 'prepare' ? message.scope : 'slot'
    if (this.#refuses(message.ballot, scope, slot)) this.#refuse(from, message.ballot, slot, scope)
    else this.#effects.send(from, { type: 'trimmed', slot: trimmed })
    return true
  }

  #refuses(ballot: Ballot, scope: Scope, slot: Slot): boolean {
    return compareBallots(ballot, scope === 'log' ? this.logBound : this.bound(slot)) < 0
  }

  /**
   * The promises for single slots that bind more than the votes there. They are recorded anew with
   * each trim: a slot that is prepared long before it is used must not keep the journal from going.
   */
  slotPromises(): PromiseRecord[] {
    return this.#log
      .inUse()
      .filter(({ state: { ballot, promised } }) => compareBallots(promised, ballot) > 0)
      .map(({ slot, state: { promised } }) => ({ type: 'promise', scope: 'slot', slot, ballot: promised }))
  }

  restoreTrim({ promised, voted }: TrimRecord): void {
    this.state.promised = maxBallot(this.state.promised, promised)
    this.state.voted = maxBallot(this.state.voted, voted)
  }

  restorePromise(ballot: Ballot, scope: Scope, slot: Slot): void {
    if (scope === 'log') this.state.promised = maxBallot(this.state.promised, ballot)
    else if (slot > this.#log.state.trimmed) this.#log.at(slot).promised = ballot
  }

  restoreVote(ballot: Ballot, first: Slot, values: readonly Value[]): void {
    for (const [offset, value] of values.entries()) {
      if (first + offset > this.#log.state.trimmed) this.#log.vote(first + offset, ballot, value)
    }
    this.state.voted = maxBallot(this.state.voted, ballot)
  }

  #refuse(from: ServerId, refused: Ballot, slot: Slot, scope: Scope): void {
    const ballot = maxBallot(this.bound(slot), scope === 'log' ? this.logBound : ZERO_BALLOT)
    this.#effects.send(from, { type: 'nack', refused, ballot, slot })
  }

  /**
   * The votes in slots `first` to `last`, as many as one message takes. A chosen value is marked as
   * chosen.
   */
  #votes(first: Slot, last: Slot): { votes: ReportedVote[]; next: Slot } {
    const votes: ReportedVote[] = []
    let sizeBytes = 0
    for (let slot = first; slot <= last; slot++) {
      const state = this.#log.find(slot)
      const value = this.#log.chosen(slot) ?? state?.value
      if (state === undefined || value === undefined) continue
      if (
        votes.length >= MAX_MESSAGE_SLOTS ||
        (votes.length > 0 && sizeBytes + value.length > MAX_MESSAGE_VALUES_BYTES)
      ) {
        return { votes, next: slot }
      }
      sizeBytes += value.length
      votes.push({ slot, ballot: state.ballot, value, chosen: this.#log.isChosen(slot) })
    }
    return { votes, next: 0 }
  }
}
