import type { Slot } from 'synod-testing/script'
import type { ActorId, PictureMessage, PictureRecord } from '../picture/picture.js'

/** What nothing tells the value of: it was chosen before the trace began. */
const UNKNOWN = '?'

/**
 * The value that each server has last seen in each slot: of what it comes to know as chosen, traces
 * name only the slots.
 */
export class KnownValues {
  readonly #values = new Map<ActorId, Map<Slot, string>>()

  onMessage(actor: ActorId, { slots, type, values }: PictureMessage): void {
    if (slots !== undefined && (type === 'accept' || type === 'decided')) this.#put(actor, slots[0], values)
  }

  record(actor: ActorId, record: PictureRecord): void {
    if (record.type === 'vote' || record.type === 'decided') this.#put(actor, record.first, record.values)
  }

  between(actor: ActorId, first: Slot, last: Slot): string[] {
    const values = this.#values.get(actor)
    return Array.from({ length: last - first + 1 }, (_, index) => values?.get(first + index) ?? UNKNOWN)
  }

  #put(actor: ActorId, first: Slot, values: readonly string[]): void {
    let known = this.#values.get(actor)
    if (known === undefined) this.#values.set(actor, (known = new Map<Slot, string>()))
    for (const [index, value] of values.entries()) known.set(first + index, value)
  }
}
