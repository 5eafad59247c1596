import { Archive, type ArchivedValue } from './archive.js'
import { type Ballot, type Slot, ZERO_BALLOT } from './ballot.js'
import { PAXOS_DEFAULTS } from './config.js'
import type { Value } from './value.js'

/**
 * What one server knows of one slot: its promise and vote as an acceptor, the chosen value as a
 * learner.
 */
export interface SlotState {
  /** The highest ballot promised for this slot alone, by a prepare with scope `slot`. */
  promised: Ballot
  /** The ballot of this server's vote; zero while it has not voted. */
  ballot: Ballot
  /** The value of this server's vote; not kept once the chosen value is archived. */
  value: Value | undefined
  /** The chosen value, once this server knows it, until it is archived. */
  chosen: Value | undefined
  archived: ArchivedValue | undefined
}

/** The answer to "what is in this slot?". */
export type SlotStatus =
  | { readonly status: 'empty' }
  | { readonly status: 'voted'; readonly ballot: Ballot; readonly value: Value }
  | { readonly status: 'chosen'; readonly value: Value }
  | { readonly status: 'trimmed' }

/**
 * Slots are kept in pages, so that a far slot or a long log costs no more than the slots in use.
 */
const PAGE_SLOTS = 1024

export interface LogState {
  readonly pages: Map<number, (SlotState | undefined)[]>
  /** Every slot up to this one has been dropped. */
  trimmed: Slot
  /** The highest slot in which this server has voted or knows the chosen value. */
  voted: Slot
}

export function emptyLog(): LogState {
  return { pages: new Map(), trimmed: 0, voted: 0 }
}

/** What the core shows of its log. Only a step changes it. */
export interface LogView {
  readonly state: Readonly<Pick<LogState, 'trimmed' | 'voted'>>
  /** What is known of a slot; undefined if nothing is, or nothing any more. */
  find(slot: Slot): Readonly<SlotState> | undefined
  status(slot: Slot): SlotStatus
  /** The chosen value of a slot, a copy where it is archived; undefined if it is not known. */
  chosen(slot: Slot): Value | undefined
  isChosen(slot: Slot): boolean
  /** The bytes of the chosen value of a slot; 0 if it is not known. */
  chosenBytes(slot: Slot): number
  /**
   * Grows whenever a slot is decided or dropped: while it is the same, no further slot is known to
   * be chosen.
   */
  readonly decisions: number
}

/**
 * One server's log: slots from 1 on, without end. Acceptor and learner write it; all parts of the
 * core read it.
 */
export class Log implements LogView {
  readonly state: LogState
  #page: (SlotState | undefined)[] | undefined
  #pageNumber = -1
  decisions = 0
  readonly #archive: Archive
  /** The values of the slots up to this one are archived, or dropped. */
  #archivedTo: Slot = 0

  constructor(state: LogState, archiveBlockBytes: number = PAXOS_DEFAULTS.archiveBlockBytes) {
    this.state = state
    this.#archive = new Archive(archiveBlockBytes)
  }

  find(slot: Slot): Readonly<SlotState> | undefined {
    if (slot <= this.state.trimmed) return undefined
    return this.#find(slot)?.[slot % PAGE_SLOTS]
  }

  /** The state of a slot, to be changed. Throws a RangeError for a trimmed slot. */
  at(slot: Slot): SlotState {
    if (slot <= this.state.trimmed) throw new RangeError(`slot ${slot} is trimmed`)
    let page = this.#find(slot)
    if (page === undefined) {
      page = []
      this.state.pages.set(this.#pageNumber, page)
      this.#page = page
    }
    return (page[slot % PAGE_SLOTS] ??= {
      promised: ZERO_BALLOT,
      ballot: ZERO_BALLOT,
      value: undefined,
      chosen: undefined,
      archived: undefined,
    })
  }

  /** The slots of which anything is known, in order. */
  inUse(): { readonly slot: Slot; readonly state: Readonly<SlotState> }[] {
    return [...this.state.pages].flatMap(([number, page]) =>
      page.flatMap((state, index) =>
        state === undefined ? [] : { slot: number * PAGE_SLOTS + index, state },
      ),
    )
  }

  status(slot: Slot): SlotStatus {
    if (slot <= this.state.trimmed) return { status: 'trimmed' }
    const state = this.find(slot)
    const chosen = this.chosen(slot)
    if (chosen !== undefined) return { status: 'chosen', value: chosen }
    if (state?.value !== undefined) return { status: 'voted', ballot: state.ballot, value: state.value }
    return { status: 'empty' }
  }

  chosen(slot: Slot): Value | undefined {
    const state = this.find(slot)
    return state?.archived === undefined ? state?.chosen : this.#archive.read(state.archived)
  }

  isChosen(slot: Slot): boolean {
    if (slot <= this.state.trimmed) return true
    const state = this.find(slot)
    return state?.chosen !== undefined || state?.archived !== undefined
  }

  chosenBytes(slot: Slot): number {
    const state = this.find(slot)
    return state?.archived?.length ?? state?.chosen?.length ?? 0
  }

  /** The chosen values of the slots up to this one, all of them known, are rarely read any more. */
  archive(slot: Slot): void {
    for (let next = Math.max(this.#archivedTo, this.state.trimmed) + 1; next <= slot; next++) {
      const state = this.#find(next)?.[next % PAGE_SLOTS]
      if (state?.chosen === undefined) return
      state.archived = this.#archive.put(next, state.chosen)
      state.chosen = undefined
      state.value = undefined
      this.#archivedTo = next
    }
  }

  /** The state with no value archived. */
  saved(): LogState {
    if (this.#archivedTo === 0) return this.state
    const pages = new Map(
      [...this.state.pages].map(([number, page]) => [
        number,
        page.map((state) => {
          if (state?.archived === undefined) return state
          const value = this.#archive.read(state.archived)
          return { ...state, value, chosen: value, archived: undefined }
        }),
      ]),
    )
    return { ...this.state, pages }
  }

  /** Stores this server's vote. */
  vote(slot: Slot, ballot: Ballot, value: Value): void {
    const state = this.at(slot)
    state.ballot = ballot
    state.value = value
    if (slot > this.state.voted) this.state.voted = slot
  }

  /** Stores that `value` is chosen. */
  choose(slot: Slot, value: Value): void {
    const state = this.at(slot)
    if (state.archived === undefined) state.chosen = value
    this.decisions++
    if (slot > this.state.voted) this.state.voted = slot
  }

  /** Drops every slot up to `slot`. */
  trim(slot: Slot): void {
    for (const number of this.state.pages.keys()) {
      if ((number + 1) * PAGE_SLOTS - 1 <= slot) this.state.pages.delete(number)
    }
    this.state.pages.get(Math.floor(slot / PAGE_SLOTS))?.fill(undefined, 0, (slot % PAGE_SLOTS) + 1)
    this.#archive.drop(slot)
    this.state.trimmed = Math.max(this.state.trimmed, slot)
    this.state.voted = Math.max(this.state.voted, slot)
    this.#pageNumber = -1
    this.#page = undefined
    this.decisions++
  }

  #find(slot: Slot): (SlotState | undefined)[] | undefined {
    const number = Math.floor(slot / PAGE_SLOTS)
    if (number !== this.#pageNumber) {
      this.#pageNumber = number
      this.#page = this.state.pages.get(number)
    }
    return this.#page
  }
}
