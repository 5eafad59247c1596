import BTreeModule from 'sorted-btree'
import { NO_END } from './key-value.js'
import { NONE, type RecordHeap, type RecordRef } from './record-heap.js'

// A CommonJS module: its default export is a property of what is imported.
const BTree = BTreeModule.default
type Leaves = BTreeModule.default<string, Leaf>

const LEAF_REFS = 256

/** When a leaf is filled in order, this much of it is filled: more keys will come between. */
const FILLED_REFS = 192

/** The newest records of keys that follow each other, in the order of the keys. */
interface Leaf {
  /** A leaf of an earlier epoch may be seen by a view: it is copied before it is changed. */
  readonly epoch: number
  readonly refs: Uint32Array
  count: number
}

/** Where a key stands in the leaf that begins with `first`, or would stand. */
interface Found {
  readonly key: string
  readonly first: string
  readonly leaf: Leaf
  readonly place: number
}

/** Keys in order, each with its newest record. */
export interface KeyView {
  /**
   * The newest records of the keys from `key` up to but without `end`; an empty `end` stands for
   * the key alone, `NO_END` for no end.
   */
  refs(key: string, end: string): Generator<RecordRef, void, undefined>
}

/**
 * The keys in order, as references to their newest records, which hold the keys themselves. The
 * leaves are packed; above them is a tree of a library that is copied in no time, so a view costs
 * nothing but the leaves that are changed later.
 */
export class KeyIndex implements KeyView {
  readonly #heap: RecordHeap
  /** By the first key of each; that of the first leaf counts as the empty one. */
  #leaves: Leaves = emptyLeaves()
  #epoch = 0
  #size = 0
  /** The key that was asked for last. */
  #found: Found | undefined

  constructor(heap: RecordHeap) {
    this.#heap = heap
  }

  /** How many keys there are, deleted ones with history included. */
  get size(): number {
    return this.#size
  }

  /** The newest record of a key; `NONE` if there is none. */
  get(key: string): RecordRef {
    const { leaf, place } = this.#find(key)
    const ref = leaf.refs[place] ?? NONE
    return place < leaf.count && this.#heap.compareKey(ref, key) === 0 ? ref : NONE
  }

  refs(key: string, end: string): Generator<RecordRef, void, undefined> {
    return refsBetween(this.#leaves, this.#heap, key, end)
  }

  /** Sets the newest record of a key. */
  set(key: string, ref: RecordRef): void {
    const { first, leaf, place } = this.#findToWrite(key)
    if (place < leaf.count && this.#heap.compareKey(leaf.refs[place] ?? NONE, key) === 0) {
      leaf.refs[place] = ref
      return
    }
    this.#size++
    leaf.refs.copyWithin(place + 1, place, leaf.count)
    leaf.refs[place] = ref
    if (++leaf.count === LEAF_REFS) this.#split(first, leaf)
  }

  /** Adds a key behind all others. */
  append(key: string, ref: RecordRef): void {
    const { leaf: last } = (this.#found ??= this.#find(key))
    this.#size++
    if (last.count < FILLED_REFS) last.refs[last.count++] = ref
    else {
      const leaf = newLeaf(this.#epoch)
      leaf.refs[leaf.count++] = ref
      this.#leaves.set(key, leaf)
      this.#found = { key, first: key, leaf, place: 0 }
    }
  }

  delete(key: string): void {
    const { first, leaf, place } = this.#findToWrite(key)
    if (place >= leaf.count || this.#heap.compareKey(leaf.refs[place] ?? NONE, key) !== 0) return
    this.#size--
    leaf.refs.copyWithin(place, place + 1, leaf.count)
    if (--leaf.count === 0 && first !== '') {
      this.#leaves.delete(first)
      this.#found = undefined
    }
  }

  /** The keys as they are now: later changes do not show. */
  freeze(): KeyView {
    const leaves = this.#leaves.clone()
    const heap = this.#heap
    this.#epoch++
    return { refs: (key, end) => refsBetween(leaves, heap, key, end) }
  }

  /** Where a key stands, or would stand. A key is mostly asked for several times in a row. */
  #find(key: string): Found {
    if (this.#found?.key === key) return this.#found
    const [first, leaf] = this.#leaves.getPairOrNextLower(key) ?? unreachable()
    return (this.#found = { key, first, leaf, place: placeOf(leaf, this.#heap, key) })
  }

  /** The same, in a leaf that no view sees. */
  #findToWrite(key: string): Found {
    const found = this.#find(key)
    if (found.leaf.epoch === this.#epoch) return found
    const { count, refs } = found.leaf
    const leaf = { epoch: this.#epoch, refs: refs.slice(), count }
    this.#leaves.set(found.first, leaf)
    return (this.#found = { ...found, leaf })
  }

  #split(first: string, leaf: Leaf): void {
    const upper = newLeaf(this.#epoch)
    const half = leaf.count / 2
    upper.refs.set(leaf.refs.subarray(half, leaf.count))
    upper.count = leaf.count - half
    leaf.count = half
    const key = this.#heap.key(upper.refs[0] ?? NONE)
    if (key <= first) throw new RangeError('keys out of order')
    this.#leaves.set(key, upper)
    this.#found = undefined
  }
}

function lookUp(leaves: Leaves, heap: RecordHeap, key: string): RecordRef {
  const [, leaf] = leaves.getPairOrNextLower(key) ?? unreachable()
  const place = placeOf(leaf, heap, key)
  if (place >= leaf.count) return NONE
  const ref = leaf.refs[place] ?? NONE
  return heap.compareKey(ref, key) === 0 ? ref : NONE
}

function* refsBetween(
  leaves: Leaves,
  heap: RecordHeap,
  key: string,
  end: string,
): Generator<RecordRef, void, undefined> {
  if (end === '') {
    const ref = lookUp(leaves, heap, key)
    if (ref !== NONE) yield ref
    return
  }
  const [first, leaf] = leaves.getPairOrNextLower(key) ?? unreachable()
  let place = placeOf(leaf, heap, key)
  for (const [, { count, refs }] of leaves.entries(first)) {
    for (; place < count; place++) {
      const ref = refs[place] ?? NONE
      if (end !== NO_END && heap.compareKey(ref, end) >= 0) return
      yield ref
    }
    place = 0
  }
}

/** Where the first key stands that is not before this one. */
function placeOf({ count, refs }: Leaf, heap: RecordHeap, key: string): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (heap.compareKey(refs[middle] ?? NONE, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

function newLeaf(epoch: number): Leaf {
  return { epoch, refs: new Uint32Array(LEAF_REFS), count: 0 }
}

function emptyLeaves(): Leaves {
  return new BTree<string, Leaf>([['', newLeaf(0)]], compareText)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function unreachable(): never {
  throw new RangeError('the first leaf is gone')
}
