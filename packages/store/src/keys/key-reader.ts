import type { KeyView } from './key-index.js'
import type { Key, KeyValue, LeaseId } from './key-value.js'
import type { LeaseNumbers } from './lease-numbers.js'
import { NONE, type RecordHeap, type RecordRef } from './record-heap.js'

const NO_VALUE = new Uint8Array(0)

/** Reads keys, as of any revision whose history is there. */
export interface KeyReader {
  /** The records of the keys in a range at a revision, in the order of the keys. */
  range(key: Key, end: Key, revision: number): Generator<RecordRef, void, undefined>
  /** Without `withValue` the value is left empty. */
  keyValue(ref: RecordRef, withValue?: boolean): KeyValue
  modRevision(ref: RecordRef): number
  createRevision(ref: RecordRef): number
  version(ref: RecordRef): number
  lease(ref: RecordRef): LeaseId
  key(ref: RecordRef): Key
  keyBytes(ref: RecordRef): number
  /** Of key and value. */
  contentBytes(ref: RecordRef): number
  value(ref: RecordRef): Uint8Array
  /** As `Buffer.compare` of the value of the record with another one. */
  compareValue(ref: RecordRef, value: Uint8Array): number
  /** As `Buffer.compare` of the values of two records. */
  compareValues(a: RecordRef, b: RecordRef): number
}

/** Reads the keys of a view. */
export class ViewReader implements KeyReader {
  readonly #view: KeyView
  readonly #heap: RecordHeap
  readonly #leases: LeaseNumbers

  constructor(view: KeyView, heap: RecordHeap, leases: LeaseNumbers) {
    this.#view = view
    this.#heap = heap
    this.#leases = leases
  }

  *range(key: Key, end: Key, revision: number): Generator<RecordRef, void, undefined> {
    for (const newest of this.#view.refs(key, end)) {
      const ref = this.#visible(newest, revision)
      if (ref !== NONE) yield ref
    }
  }

  keyValue(ref: RecordRef, withValue = true): KeyValue {
    const heap = this.#heap
    const isDeletion = heap.isDeletion(ref)
    return {
      key: heap.key(ref),
      value: withValue && !isDeletion ? heap.value(ref) : NO_VALUE,
      createRevision: isDeletion ? 0 : heap.created(ref),
      modRevision: heap.revision(ref),
      version: isDeletion ? 0 : heap.version(ref),
      lease: this.#leases.idOf(heap.lease(ref)),
    }
  }

  modRevision(ref: RecordRef): number {
    return this.#heap.revision(ref)
  }

  createRevision(ref: RecordRef): number {
    return this.#heap.created(ref)
  }

  version(ref: RecordRef): number {
    return this.#heap.version(ref)
  }

  lease(ref: RecordRef): LeaseId {
    return this.#leases.idOf(this.#heap.lease(ref))
  }

  key(ref: RecordRef): Key {
    return this.#heap.key(ref)
  }

  keyBytes(ref: RecordRef): number {
    return this.#heap.keyBytes(ref)
  }

  contentBytes(ref: RecordRef): number {
    return this.#heap.contentBytes(ref)
  }

  value(ref: RecordRef): Uint8Array {
    return this.#heap.value(ref)
  }

  compareValue(ref: RecordRef, value: Uint8Array): number {
    return this.#heap.compareValue(ref, value)
  }

  compareValues(a: RecordRef, b: RecordRef): number {
    return this.#heap.compareValues(a, b)
  }

  #visible(newest: RecordRef, revision: number): RecordRef {
    let ref = newest
    while (ref !== NONE && this.#heap.revision(ref) > revision) ref = this.#heap.previous(ref)
    return ref !== NONE && this.#heap.isDeletion(ref) ? NONE : ref
  }
}
