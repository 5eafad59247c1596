import type { KeyIndex } from './key-index.js'
import { NONE, type RecordHeap, type RecordRef } from './record-heap.js'
import type { RecordLog } from './record-log.js'

/**
 * Moves records out of blocks that are hardly in use any more, a few at a time, and gives the
 * memory of the blocks back.
 */
export class RecordMover {
  readonly #heap: RecordHeap
  readonly #index: KeyIndex
  readonly #log: RecordLog
  #source: { readonly block: number; readonly refs: Iterator<RecordRef> } | undefined

  constructor(heap: RecordHeap, index: KeyIndex, log: RecordLog) {
    this.#heap = heap
    this.#index = index
    this.#log = log
  }

  /** Comes past this many records at most. */
  run(steps: number): void {
    const heap = this.#heap
    for (let step = 0; step < steps; step++) {
      if (this.#source === undefined) {
        if (heap.usedBytes <= 2 * heap.liveBytes + heap.blockBytes) return
        const found = heap.leastUsedBlock()
        if (found === undefined) return
        this.#source = { block: found.block, refs: found.refs[Symbol.iterator]() }
      }
      const next = this.#source.refs.next()
      if (next.done !== true) this.#moveIfUsed(next.value)
      else {
        heap.drop(this.#source.block)
        this.#source = undefined
      }
    }
  }

  /** A record is in use if it can be reached from the newest one of its key. */
  #moveIfUsed(ref: RecordRef): void {
    const heap = this.#heap
    const key = heap.key(ref)
    const newest = this.#index.get(key)
    if (newest === NONE) return
    if (newest === ref) {
      this.#index.set(key, this.#move(ref))
      return
    }
    for (let later = newest; later !== NONE && this.#log.has(later); later = heap.previous(later)) {
      if (heap.previous(later) !== ref) continue
      heap.setPrevious(later, this.#move(ref))
      return
    }
  }

  #move(ref: RecordRef): RecordRef {
    const moved = this.#heap.move(ref)
    this.#log.moved(ref, moved)
    return moved
  }
}
