import { KeyIndex } from './key-index.js'
import { type KeyReader, ViewReader } from './key-reader.js'
import { type Key, type KeyEvent, type KeyValue, type LeaseId, NO_END } from './key-value.js'
import { LeaseNumbers } from './lease-numbers.js'
import { NONE, RecordHeap, type RecordRef } from './record-heap.js'
import { RecordLog } from './record-log.js'
import { RecordMover } from './record-mover.js'

/** What a record counts towards the quota, besides its key and value. */
export const RECORD_BYTES = 64

/** How many records are looked at to be moved, for each one that compaction comes past. */
const MOVES_PER_RECORD = 4

export interface KeySpaceOptions {
  /** The size of the blocks in which records lie: a power of two from 64, 1 MiB unless given. */
  readonly blockBytes?: number | undefined
  /** How many records a page of the log names; 65,536 unless given. */
  readonly pageRecords?: number | undefined
}

/** Names a change: no two of a revision have the same part. */
export interface ChangeId {
  readonly revision: number
  readonly part: number
}

/** A change of a key, as a snapshot has it. */
export interface KeyRecord extends ChangeId {
  readonly key: Key
  /** Undefined for a deletion. */
  readonly value: Uint8Array | undefined
  readonly created: number
  readonly version: number
  readonly lease: LeaseId
}

/** What a key space is made of. */
export interface KeySpaceParts {
  readonly heap: RecordHeap
  readonly index: KeyIndex
  readonly log: RecordLog
  readonly leases: LeaseNumbers
  readonly revision: number
  readonly compacted: number
  readonly bytes: number
}

/** The keys as of one moment, to be read while they go on being changed. It must be closed. */
export interface FrozenKeys {
  readonly reader: KeyReader
  readonly revision: number
  readonly compacted: number
  /** All records that are in use, in the order of the keys, those of one key oldest first. */
  records(): Generator<KeyRecord, void, undefined>
  close(): void
}

/** The changes of keys whose history is kept, by their places, and what they made of the keys. */
export interface KeyHistory {
  /** The newest revision; an empty store has revision 1. */
  readonly revision: number
  /** What was before this revision cannot be read any more; 0 before the first compaction. */
  readonly compacted: number
  /** What keys, values and history count towards the quota. */
  readonly bytes: number
  /** Of the keys as they are: what it returns is valid until the next change. */
  readonly reader: KeyReader
  /** The place behind the newest change. */
  readonly end: number
  /** The place of the first change of a revision, or of the next one that has any. */
  placeOf(revision: number): number
  /** Undefined at the end. */
  changeAt(place: number): RecordRef | undefined
  revisionOf(ref: RecordRef): number
  keyOf(ref: RecordRef): Key
  isDeletion(ref: RecordRef): boolean
  eventOf(ref: RecordRef): KeyEvent
  /** What the key was before a change; undefined if it was not there, or if that is compacted. */
  before(ref: RecordRef): KeyValue | undefined
  /** The keys as they are now, to be read over many turns. */
  freeze(): FrozenKeys
}

/**
 * Keys and their values at every revision that is not compacted. Each change of a key is a record,
 * linked to the one before it. Compaction comes through the records in the order of their
 * revisions, a few at a time: of what it has come past it keeps one record a key.
 */
export class KeySpace implements KeyHistory {
  readonly #heap: RecordHeap
  readonly #index: KeyIndex
  readonly #log: RecordLog
  readonly #leases: LeaseNumbers
  readonly #mover: RecordMover
  readonly #reader: KeyReader
  #revision: number
  #compacted: number
  #bytes: number
  /** How many changes the revision that is being made has. */
  #parts = 0
  /** Frozen keys that are not closed: what they show must not move. */
  #frozen = 0
  /** Numbers of leases that only frozen keys name. */
  #released: number[] = []

  constructor({ bytes, compacted, heap, index, leases, log, revision }: KeySpaceParts) {
    this.#heap = heap
    this.#index = index
    this.#log = log
    this.#leases = leases
    this.#revision = revision
    this.#compacted = compacted
    this.#bytes = bytes
    this.#mover = new RecordMover(heap, index, log)
    this.#reader = new ViewReader(index, heap, leases)
  }

  static empty({ blockBytes, pageRecords }: KeySpaceOptions = {}): KeySpace {
    const heap = new RecordHeap(blockBytes)
    const parts = { heap, index: new KeyIndex(heap), log: new RecordLog(heap, pageRecords) }
    return new KeySpace({ ...parts, leases: new LeaseNumbers(), revision: 1, compacted: 0, bytes: 0 })
  }

  get revision(): number {
    return this.#revision
  }

  get compacted(): number {
    return this.#compacted
  }

  get bytes(): number {
    return this.#bytes
  }

  /** How many keys there are, deleted ones with history included. */
  get size(): number {
    return this.#index.size
  }

  /** The oldest change whose history is kept. */
  get oldest(): ChangeId | undefined {
    const ref = this.#log.at(this.#log.start)
    return ref === NONE ? undefined : { revision: this.#heap.revision(ref), part: this.#heap.part(ref) }
  }

  /** Whether compaction has not come past all of it yet. */
  get isCompacting(): boolean {
    const oldest = this.#log.at(this.#log.start)
    return oldest !== NONE && this.#heap.revision(oldest) < this.#compacted
  }

  get reader(): KeyReader {
    return this.#reader
  }

  /** The record of a key that is there, with what the revision that is being made did. */
  get(key: Key): RecordRef {
    const newest = this.#index.get(key)
    return newest === NONE || this.#heap.isDeletion(newest) ? NONE : newest
  }

  /** Puts a key in the revision that is being made. Returns its record before, if it was there. */
  put(key: Key, value: Uint8Array, lease: LeaseId): RecordRef {
    const newest = this.#index.get(key)
    const revision = this.#revision + 1
    const before = newest === NONE || this.#heap.isDeletion(newest) ? NONE : newest
    this.#change(key, {
      value,
      created: before === NONE ? revision : this.#heap.created(before),
      version: before === NONE ? 1 : this.#heap.version(before) + 1,
      lease: this.#leases.take(lease),
      newest,
    })
    return before
  }

  /** Deletes a key in the revision that is being made. Returns its record, if it was there. */
  delete(key: Key): RecordRef {
    const newest = this.get(key)
    if (newest === NONE) return NONE
    this.#change(key, { value: undefined, created: 0, version: 0, lease: 0, newest })
    return newest
  }

  /** Ends a revision, if anything was changed in it. */
  commit(): void {
    if (this.#parts > 0) this.#revision++
    this.#parts = 0
  }

  /** What was before this revision may be forgotten. */
  compact(revision: number): void {
    this.#compacted = revision
  }

  /** Has compaction come past this many records at most. */
  scrub(records: number): void {
    for (let count = 0; count < records && this.isCompacting; count++) {
      const ref = this.#log.shift()
      const previous = this.#heap.previous(ref)
      if (previous !== NONE) this.#free(previous)
      if (!this.#heap.isDeletion(ref)) continue
      const key = this.#heap.key(ref)
      if (this.#index.get(key) !== ref) continue
      this.#index.delete(key)
      this.#free(ref)
    }
    if (this.#frozen === 0) this.#mover.run(MOVES_PER_RECORD * records)
  }

  // The changes whose history is kept, by their places

  placeOf(revision: number): number {
    return this.#log.placeOf(revision)
  }

  get end(): number {
    return this.#log.end
  }

  changeAt(place: number): RecordRef | undefined {
    const ref = this.#log.at(place)
    return ref === NONE ? undefined : ref
  }

  revisionOf(ref: RecordRef): number {
    return this.#heap.revision(ref)
  }

  keyOf(ref: RecordRef): Key {
    return this.#heap.key(ref)
  }

  isDeletion(ref: RecordRef): boolean {
    return this.#heap.isDeletion(ref)
  }

  eventOf(ref: RecordRef): KeyEvent {
    return { type: this.#heap.isDeletion(ref) ? 'delete' : 'put', kv: this.#reader.keyValue(ref) }
  }

  before(ref: RecordRef): KeyValue | undefined {
    if (this.#heap.revision(ref) - 1 < this.#compacted) return undefined
    const previous = this.#heap.previous(ref)
    if (previous === NONE || this.#heap.isDeletion(previous)) return undefined
    return this.#reader.keyValue(previous)
  }

  // Snapshots

  freeze(): FrozenKeys {
    const heap = this.#heap
    const { oldest } = this
    const view = this.#index.freeze()
    const reader = new ViewReader(view, heap, this.#leases)
    const recordOf = (ref: RecordRef) => this.#recordOf(ref)
    const isInLog = (ref: RecordRef) =>
      isSince(oldest, { revision: heap.revision(ref), part: heap.part(ref) })
    let isOpen = true
    this.#frozen++
    return {
      reader,
      revision: this.#revision,
      compacted: this.#compacted,
      *records() {
        for (const newest of view.refs('', NO_END)) {
          const refs = [newest]
          for (let ref = newest; isInLog(ref) && heap.previous(ref) !== NONE;) {
            ref = heap.previous(ref)
            refs.push(ref)
          }
          for (const ref of refs.reverse()) yield recordOf(ref)
        }
      },
      close: () => {
        if (isOpen) this.#frozen--
        isOpen = false
        if (this.#frozen > 0) return
        for (const number of this.#released.splice(0)) this.#leases.release(number)
      },
    }
  }

  #recordOf(ref: RecordRef): KeyRecord {
    const heap = this.#heap
    return {
      key: heap.key(ref),
      value: heap.isDeletion(ref) ? undefined : heap.value(ref),
      revision: heap.revision(ref),
      part: heap.part(ref),
      created: heap.created(ref),
      version: heap.version(ref),
      lease: this.#leases.idOf(heap.lease(ref)),
    }
  }

  #change(
    key: Key,
    change: {
      readonly value: Uint8Array | undefined
      readonly created: number
      readonly version: number
      readonly lease: number
      readonly newest: RecordRef
    },
  ): void {
    const { created, lease, newest, value, version } = change
    const revision = this.#revision + 1
    const part = this.#parts++
    const ref = this.#heap.append({ key, value, revision, part, created, version, lease, previous: newest })
    this.#index.set(key, ref)
    this.#log.append(ref)
    this.#bytes += RECORD_BYTES + this.#heap.contentBytes(ref)
  }

  #free(ref: RecordRef): void {
    this.#bytes -= RECORD_BYTES + this.#heap.contentBytes(ref)
    const lease = this.#heap.lease(ref)
    if (this.#frozen > 0) this.#released.push(lease)
    else this.#leases.release(lease)
    this.#heap.free(ref)
  }
}

/** Whether a change is this one or a later one: then it has its history. */
export function isSince(oldest: ChangeId | undefined, { part, revision }: ChangeId): boolean {
  if (oldest === undefined) return false
  return revision > oldest.revision || (revision === oldest.revision && part >= oldest.part)
}
