import { NONE, type RecordHeap, type RecordRef } from './record-heap.js'

/** How many references a page holds, unless told otherwise. */
const PAGE_REFS = 1 << 16

/**
 * The records whose history is kept, in the order of their revisions: what watchers catch up from,
 * and what compaction comes through. A place in it is counted from the first record ever.
 */
export class RecordLog {
  readonly #heap: RecordHeap
  readonly #pageRefs: number
  /** The first page may be read in part, the last be filled in part. */
  #pages: Uint32Array[] = []
  /** The place at which the first page begins. */
  #base = 0
  #start = 0
  #end = 0

  constructor(heap: RecordHeap, pageRefs = PAGE_REFS) {
    this.#heap = heap
    this.#pageRefs = pageRefs
  }

  /** The place of the oldest record. */
  get start(): number {
    return this.#start
  }

  /** The place behind the newest record. */
  get end(): number {
    return this.#end
  }

  append(ref: RecordRef): void {
    const offset = this.#end - this.#base
    if (offset === this.#pages.length * this.#pageRefs) this.#pages.push(new Uint32Array(this.#pageRefs))
    this.set(this.#end++, ref)
  }

  at(place: number): RecordRef {
    if (place < this.#start || place >= this.#end) return NONE
    const offset = place - this.#base
    return this.#pages[Math.floor(offset / this.#pageRefs)]?.[offset % this.#pageRefs] ?? NONE
  }

  /** Fills an empty log with as many places as records are to be put there by `set`. */
  grow(count: number): void {
    this.#end += count
    while (this.#pages.length * this.#pageRefs < this.#end) this.#pages.push(new Uint32Array(this.#pageRefs))
  }

  set(place: number, ref: RecordRef): void {
    const offset = place - this.#base
    const page = this.#pages[Math.floor(offset / this.#pageRefs)]
    if (page !== undefined) page[offset % this.#pageRefs] = ref
  }

  /** Takes the oldest record out. */
  shift(): RecordRef {
    const ref = this.at(this.#start)
    if (ref === NONE) return NONE
    this.#start++
    if (this.#start - this.#base < this.#pageRefs) return ref
    this.#pages.shift()
    this.#base += this.#pageRefs
    return ref
  }

  /** Where the first record stands that is of this revision and part, or later. */
  placeOf(revision: number, part = 0): number {
    let low = this.#start
    let high = this.#end
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (this.#isBefore(middle, revision, part)) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Whether a record is in the log: older ones are in use only as the oldest one of their key. */
  has(ref: RecordRef): boolean {
    const oldest = this.at(this.#start)
    if (oldest === NONE) return false
    const [its, first] = [this.#heap.revision(ref), this.#heap.revision(oldest)]
    return its > first || (its === first && this.#heap.part(ref) >= this.#heap.part(oldest))
  }

  /** A record has moved. */
  moved(from: RecordRef, to: RecordRef): void {
    const place = this.placeOf(this.#heap.revision(from), this.#heap.part(from))
    if (this.at(place) === from) this.set(place, to)
  }

  #isBefore(place: number, revision: number, part: number): boolean {
    const ref = this.at(place)
    const its = this.#heap.revision(ref)
    return its < revision || (its === revision && this.#heap.part(ref) < part)
  }
}
