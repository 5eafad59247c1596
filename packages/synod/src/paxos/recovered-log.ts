import { type Ballot, type Slot, ZERO_BALLOT, compareBallots, maxBallot } from './ballot.js'
import { InvariantError } from './invariants.js'
import type { JournalRecord } from './records.js'
import { type Value, sameValue } from './value.js'

/** A record of a journal, or a `gap` where records are missing. */
export type FoundRecord = JournalRecord | { readonly type: 'gap' }

/** The value that the log of a dead cluster is taken to hold in one slot. */
export interface FoundValue {
  /** The ballot of the vote that it was taken from; zero where it is known to be chosen. */
  readonly ballot: Ballot
  readonly value: Value
  readonly isChosen: boolean
}

interface Range {
  readonly first: Slot
  last: Slot
}

/**
 * The log of a cluster, from some of its journals. A slot holds the value that a journal knows to
 * be chosen, or else that of the vote at the highest ballot. If one journal of a quorum that chose
 * a value is here, that is the value: every vote at a higher ballot is for the same one.
 */
export class RecoveredLog {
  /** The highest ballot of a promise or vote in any journal. */
  highest: Ballot = ZERO_BALLOT
  /** Every slot up to this one was chosen, and dropped from at least one journal. */
  trimmed: Slot = 0
  readonly #after: Slot
  readonly #found = new Map<Slot, FoundValue>()
  /** The slots that are known to be chosen, whether their values are known or not. */
  readonly #chosen: Range[] = []

  /** A snapshot holds the results of the slots up to `after`. */
  constructor(after: Slot) {
    this.#after = after
  }

  /** Throws an InvariantError where two journals contradict each other. */
  take(records: readonly FoundRecord[]): void {
    /** The latest vote in each slot, where no later one can be missing. */
    const latest = new Map<Slot, Value>()
    for (const record of records) {
      switch (record.type) {
        case 'gap':
          latest.clear()
          break
        case 'promise':
          this.highest = maxBallot(this.highest, record.ballot)
          break
        case 'vote':
          this.highest = maxBallot(this.highest, record.ballot)
          for (const [slot, value] of this.#slotsOf(record)) {
            latest.set(slot, value)
            this.#vote(slot, record.ballot, value)
          }
          break
        case 'decided':
          for (const [slot, value] of this.#slotsOf(record)) this.#choose(slot, value)
          break
        case 'chosen':
          this.#markChosen(record.first, record.last)
          for (const slot of slotsIn(latest, record)) this.#choose(slot, latest.get(slot))
          break
        case 'trim':
          this.highest = maxBallot(this.highest, maxBallot(record.promised, record.voted))
          this.trimmed = Math.max(this.trimmed, record.slot)
          this.#markChosen(1, record.slot)
      }
    }
  }

  /** The slots after the snapshot whose values are known, in order. */
  get slots(): Slot[] {
    return [...this.#found.keys()].sort((a, b) => a - b)
  }

  /**
   * The highest slot that was voted in or is known to be chosen; the slot of the snapshot where
   * there is none above.
   */
  get last(): Slot {
    let last = this.#after
    for (const slot of this.#found.keys()) last = Math.max(last, slot)
    for (const range of this.#chosen) last = Math.max(last, range.last)
    return last
  }

  find(slot: Slot): FoundValue | undefined {
    return this.#found.get(slot)
  }

  /** How many slots after the snapshot are known to be chosen, without a known value. */
  get lost(): number {
    const { slots } = this
    let [lost, covered, next] = [0, this.#after, 0]
    for (const { first, last } of [...this.#chosen].sort((a, b) => a.first - b.first)) {
      if (last <= covered) continue
      const from = Math.max(first, covered + 1)
      lost += last - from + 1
      for (; (slots[next] ?? Infinity) <= last; next++) if ((slots[next] ?? 0) >= from) lost--
      covered = last
    }
    return lost
  }

  /**
   * The first slot after the snapshot that a journal has dropped, without a chosen value here; 0
   * for none.
   */
  get firstDropped(): Slot {
    for (let slot = this.#after + 1; slot <= this.trimmed; slot++)
      if (this.#found.get(slot)?.isChosen !== true) return slot
    return 0
  }

  *#slotsOf({ first, values }: { readonly first: Slot; readonly values: readonly Value[] }) {
    for (const [offset, value] of values.entries())
      if (first + offset > this.#after) yield [first + offset, value] as const
  }

  /** Ranges mostly follow each other, so that few are kept. */
  #markChosen(first: Slot, last: Slot): void {
    const before = this.#chosen.at(-1)
    if (before !== undefined && first >= before.first && first <= before.last + 1)
      before.last = Math.max(before.last, last)
    else this.#chosen.push({ first, last })
  }

  #vote(slot: Slot, ballot: Ballot, value: Value): void {
    const found = this.#found.get(slot)
    if (found?.isChosen === true) return
    const order = found === undefined ? 1 : compareBallots(ballot, found.ballot)
    if (order > 0) this.#found.set(slot, { ballot, value, isChosen: false })
    else if (order === 0 && found !== undefined && !sameValue(found.value, value))
      throw new InvariantError(`the journals hold votes for two values at one ballot in slot ${slot}`)
  }

  #choose(slot: Slot, value: Value | undefined): void {
    const found = this.#found.get(slot)
    if (value === undefined) return
    if (found?.isChosen === true && !sameValue(found.value, value))
      throw new InvariantError(`the journals say that two values were chosen in slot ${slot}`)
    this.#found.set(slot, { ballot: ZERO_BALLOT, value, isChosen: true })
  }
}

/** A range may be far longer than the known part of it. */
function slotsIn(known: ReadonlyMap<Slot, Value>, { first, last }: Range): Iterable<Slot> {
  if (last - first < known.size) return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  return [...known.keys()].filter((slot) => slot >= first && slot <= last)
}
