import { groupMarker, readGroup, readRecords } from 'synod/internal/journal/group.js'
import { decodeSegmentHeader } from 'synod/internal/journal/segment.js'
import type { ServerId, Slot } from 'synod/internal/paxos/ballot.js'
import type { ClusterHistory } from 'synod/internal/paxos/invariants.js'
import type { JournalRecord } from 'synod/internal/paxos/records.js'
import type { Value } from 'synod/internal/paxos/value.js'
import type { MemoryDisk } from '../hardware/disk.js'

/** Told of the records of a server that have become durable, encoded and as they are. */
export type OnRecords = (server: ServerId, payload: Uint8Array, records: readonly JournalRecord[]) => void

/**
 * Reads along on the platters: each group of records, as soon as it is durable, goes into the
 * history of what the cluster has promised and voted, where the invariants are checked.
 */
export class DurableWatch {
  readonly #history: ClusterHistory
  readonly #onRecords: OnRecords
  readonly #onViolation: (error: Error) => void
  /**
   * What is taken to be chosen where it is not known yet whose votes count: the slots before have
   * not been told of.
   */
  #later: { readonly server: ServerId; readonly slot: Slot; readonly value: Value }[] = []

  constructor(history: ClusterHistory, onRecords: OnRecords, onViolation: (error: Error) => void) {
    this.#history = history
    this.#onRecords = onRecords
    this.#onViolation = onViolation
  }

  /** From now on the journal on this disk is read along. */
  watch(server: ServerId, disk: MemoryDisk): void {
    /**
     * By segment, how far it has been read. Their files may have had other names when they were
     * opened.
     */
    const read = new Map<number, { marker: number; offset: number }>()
    const votes = new Map<Slot, Value>()
    disk.onSynced = (_path, content) => {
      const header = decodeSegmentHeader(content)
      if (header === null) return
      let place = read.get(header.number)
      if (place === undefined) {
        read.set(header.number, (place = { marker: groupMarker(header.acceptor), offset: header.sizeBytes }))
      }
      for (;;) {
        const group = readGroup(content, place.offset, place.marker)
        if (group === null) return
        place.offset += group.sizeBytes
        // Values are views of the group, and the platter changes.
        const payload = Buffer.from(group.payload)
        const records = readRecords(payload).filter((record) => record.type !== 'group-counts')
        this.#onRecords(server, payload, records)
        try {
          for (const record of records) this.#take(server, record, votes)
          for (const { server, slot, value } of this.#later.splice(0)) this.#choose(server, slot, value)
        } catch (error) {
          this.#onViolation(error as Error)
        }
      }
    }
  }

  #take(server: ServerId, record: JournalRecord, votes: Map<Slot, Value>): void {
    this.#history.durable(server, record)
    switch (record.type) {
      case 'vote':
        for (const [offset, value] of record.values.entries()) votes.set(record.first + offset, value)
        break
      case 'chosen':
        for (let slot = record.first; slot <= record.last; slot++) {
          const value = votes.get(slot)
          if (value !== undefined) this.#choose(server, slot, value)
        }
        break
      case 'decided':
        for (const [offset, value] of record.values.entries()) {
          this.#choose(server, record.first + offset, value)
        }
        break
      case 'promise':
      case 'trim':
        break
    }
  }

  #choose(server: ServerId, slot: Slot, value: Value): void {
    if (this.#history.knowsConfiguration(slot)) this.#history.chosen(server, slot, value)
    else this.#later.push({ server, slot, value })
  }
}
