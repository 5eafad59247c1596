import { type Ballot, type Slot, compareBallots } from 'synod-testing/script'
import type { PictureRecord } from './picture.js'

/** What a server has said of a slot so far, or of all of them. */
export interface SlotRecord {
  readonly promised: { readonly ballot: Ballot; readonly durable: boolean } | undefined
  readonly vote: { readonly ballot: Ballot; readonly value: string; readonly durable: boolean } | undefined
  /** The value that it knows to be chosen. */
  readonly chosen: string | undefined
  readonly executed: boolean
}

export const NOTHING: SlotRecord = {
  promised: undefined,
  vote: undefined,
  chosen: undefined,
  executed: false,
}

/**
 * A range of more slots than this is not gone through: only the slots in it that something else was
 * said of.
 */
const MOST_SLOTS = 10_000

/** What a change in a log leaves there: the slot, and what is to be said of it now. */
export type Put = (slot: Slot, change: (entry: SlotRecord) => SlotRecord) => void

/** The slots from `first` to `last`, but of a long range only the known ones. */
export function slotsBetween(first: Slot, last: Slot, known: Iterable<Slot>): Slot[] {
  if (last - first < MOST_SLOTS)
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)
  return [...known].filter((slot) => slot >= first && slot <= last)
}

/**
 * Puts into a log what a record says, but for `trim`. A promise for the whole log is put into slot
 * 0.
 */
export function putRecord(record: PictureRecord, durable: boolean, known: Iterable<Slot>, put: Put): void {
  switch (record.type) {
    case 'promise': {
      const { ballot } = record
      put(record.scope === 'log' ? 0 : record.slot, (entry) => ({
        ...entry,
        promised: higher(entry.promised, { ballot, durable }),
      }))
      break
    }
    case 'vote': {
      const { ballot } = record
      for (const [index, value] of record.values.entries())
        put(record.first + index, (entry) => ({
          ...entry,
          vote: higher(entry.vote, { ballot, value, durable }),
        }))
      break
    }
    case 'decided':
      for (const [index, value] of record.values.entries())
        put(record.first + index, (entry) => ({ ...entry, chosen: value }))
      break
    case 'chosen':
      for (const slot of slotsBetween(record.first, record.last, known))
        put(slot, (entry) => ({ ...entry, chosen: entry.chosen ?? entry.vote?.value }))
      break
    case 'trim':
      break
  }
}

/** The one at the higher ballot; of two at one ballot the later, but what is durable stays so. */
function higher<T extends { readonly ballot: Ballot; readonly durable: boolean }>(
  before: T | undefined,
  now: T,
): T {
  if (before === undefined) return now
  const order = compareBallots(before.ballot, now.ballot)
  if (order !== 0) return order > 0 ? before : now
  return { ...now, durable: before.durable || now.durable }
}
