import type { Slot } from 'synod-testing/script'
import { ValueHistory } from './value-history.js'
import type { PictureEvent } from './picture.js'
import { type SlotRecord, NOTHING, type Put, putRecord, slotsBetween } from './slot-log.js'

/**
 * The log of one server through all events: what is in its memory, of which a crash leaves what is
 * durable.
 */
export class ServerLog {
  readonly #entries = new Map<Slot, ValueHistory<SlotRecord>>()
  readonly #trimmed = new ValueHistory<Slot>()
  readonly #durable = new Map<Slot, SlotRecord>()
  #durablyTrimmed: Slot = 0
  /** Slots of which the memory may say more than the disk. */
  readonly #ahead = new Set<Slot>()

  get slots(): Iterable<Slot> {
    return this.#entries.keys()
  }

  /** The first event that said something of a slot; Infinity where none did. */
  since(slot: Slot): number {
    return this.#entries.get(slot)?.begin ?? Infinity
  }

  /** Takes in an event of this server; they come in order. */
  apply(event: PictureEvent, at: number): void {
    const remember: Put = (slot, change) => {
      this.#ahead.add(slot)
      this.#set(slot, at, change(this.#entries.get(slot)?.latest ?? NOTHING))
    }
    switch (event.kind) {
      case 'write':
        for (const record of event.records) {
          putRecord(record, false, this.#entries.keys(), remember)
          if (record.type === 'trim') this.#trim(record.slot, at)
        }
        break
      case 'durable':
        for (const record of event.records) {
          putRecord(record, true, this.#durable.keys(), (slot, change) => {
            this.#durable.set(slot, change(this.#durable.get(slot) ?? NOTHING))
          })
          putRecord(record, true, this.#entries.keys(), remember)
          if (record.type !== 'trim') continue
          this.#trim(record.slot, at)
          this.#durablyTrimmed = Math.max(this.#durablyTrimmed, record.slot)
        }
        break
      case 'chosen':
        for (const [index, value] of event.values.entries())
          remember(event.first + index, (entry) => ({ ...entry, chosen: value }))
        break
      case 'execute':
        for (const slot of slotsBetween(event.first, event.last, this.#entries.keys()))
          remember(slot, (entry) => ({ ...entry, executed: true }))
        break
      case 'crash':
        for (const slot of this.#ahead) this.#set(slot, at, this.#durable.get(slot) ?? NOTHING)
        this.#ahead.clear()
        this.#trimmed.push(at, this.#durablyTrimmed)
        break
      // Of these a log says nothing.
      case 'send':
      case 'receive':
      case 'lose':
      case 'timer':
      case 'restart':
      case 'pause':
      case 'resume':
      case 'role':
      case 'violation':
      case 'note':
        break
    }
  }

  /** What it says of a slot after an event; of slot 0, what it says of all. */
  entry(slot: Slot, event: number): SlotRecord {
    return this.#entries.get(slot)?.after(event) ?? NOTHING
  }

  /** The effects of the slots up to this one are in a snapshot only. */
  trimmed(event: number): Slot {
    return this.#trimmed.after(event) ?? 0
  }

  #trim(slot: Slot, at: number): void {
    this.#trimmed.push(at, Math.max(slot, this.#trimmed.latest ?? 0))
  }

  #set(slot: Slot, at: number, entry: SlotRecord): void {
    let history = this.#entries.get(slot)
    if (history === undefined) this.#entries.set(slot, (history = new ValueHistory()))
    history.push(at, entry)
  }
}
