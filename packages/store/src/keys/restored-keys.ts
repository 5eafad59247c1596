import { MalformedError } from 'synod/internal/bytes/reader.js'
import { KeyIndex } from './key-index.js'
import type { Key, LeaseId } from './key-value.js'
import {
  type ChangeId,
  type KeyRecord,
  KeySpace,
  type KeySpaceOptions,
  RECORD_BYTES,
  isSince,
} from './key-space.js'
import { LeaseNumbers } from './lease-numbers.js'
import { NONE, RecordHeap, type RecordRef } from './record-heap.js'
import { RecordLog } from './record-log.js'

/** What a snapshot tells of the keys ahead of their records. */
export interface KeySpaceHead {
  readonly revision: number
  readonly compacted: number
  /** Of the oldest change whose history is kept. */
  readonly oldest: ChangeId | undefined
}

/** Puts keys together from the records of a snapshot, which come in the order of the keys. */
export class RestoredKeys {
  readonly #head: KeySpaceHead
  readonly #heap: RecordHeap
  readonly #index: KeyIndex
  readonly #log: RecordLog
  readonly #leases = new LeaseNumbers()
  readonly #onLeased: (key: Key, lease: LeaseId) => void
  /** Those whose history is kept, in the order of the keys. */
  readonly #changes: RecordRef[] = []
  #bytes = 0
  #key: string | undefined
  #newest: RecordRef = NONE

  /** `onLeased` is told each key that is there and has a lease. */
  constructor(
    head: KeySpaceHead,
    { blockBytes, pageRecords }: KeySpaceOptions,
    onLeased: (key: Key, lease: LeaseId) => void,
  ) {
    this.#head = head
    this.#onLeased = onLeased
    this.#heap = new RecordHeap(blockBytes)
    this.#index = new KeyIndex(this.#heap)
    this.#log = new RecordLog(this.#heap, pageRecords)
  }

  /** Throws MalformedError for a record out of order. */
  add({ created, key, lease, part, revision, value, version }: KeyRecord): void {
    const heap = this.#heap
    const isNext = key === this.#key
    if (!isNext && this.#key !== undefined && key < this.#key) throw new MalformedError('keys out of order')
    if (revision > this.#head.revision || (isNext && revision <= heap.revision(this.#newest)))
      throw new MalformedError(`a record of revision ${revision} out of order`)
    if (!isNext) this.#endKey()
    const previous = isNext ? this.#newest : NONE
    this.#newest = heap.append({
      key,
      value,
      revision,
      part,
      created,
      version,
      previous,
      lease: this.#leases.take(lease),
    })
    this.#key = key
    this.#bytes += RECORD_BYTES + heap.contentBytes(this.#newest)
    if (isSince(this.#head.oldest, { revision, part })) this.#changes.push(this.#newest)
  }

  /** Throws MalformedError where a change is missing. */
  end(): KeySpace {
    this.#endKey()
    this.#fillLog()
    const { compacted, revision } = this.#head
    const parts = { heap: this.#heap, index: this.#index, log: this.#log, leases: this.#leases }
    return new KeySpace({ ...parts, revision, compacted, bytes: this.#bytes })
  }

  #endKey(): void {
    if (this.#key === undefined) return
    this.#index.append(this.#key, this.#newest)
    const lease = this.#heap.lease(this.#newest)
    if (lease !== 0) this.#onLeased(this.#key, this.#leases.idOf(lease))
  }

  /**
   * Every revision since the oldest change has changes of the parts 0, 1, 2 and so on: so the place
   * of each is known when they have been counted.
   */
  #fillLog(): void {
    const { oldest, revision } = this.#head
    if (oldest === undefined) return
    const changes = this.#changes
    const heap = this.#heap
    if (revision - oldest.revision >= changes.length) throw new MalformedError('a revision without a change')
    const counts = new Uint32Array(revision - oldest.revision + 1)
    for (const ref of changes) {
      const index = heap.revision(ref) - oldest.revision
      counts[index] = (counts[index] ?? 0) + 1
    }
    // Where each revision begins, and where the last one ends.
    const places = new Uint32Array(counts.length + 1)
    let place = 0
    for (const [index, count] of counts.entries()) places[index + 1] = place += count
    this.#log.grow(changes.length)
    for (const ref of changes) {
      const its = heap.revision(ref)
      const first = its === oldest.revision ? oldest.part : 0
      const at = (places[its - oldest.revision] ?? 0) + heap.part(ref) - first
      if (at >= (places[its - oldest.revision + 1] ?? 0) || this.#log.at(at) !== NONE)
        throw new MalformedError(`revision ${its} lacks a change`)
      this.#log.set(at, ref)
    }
  }
}
