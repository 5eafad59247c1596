import { type Key, NO_END } from '../keys/key-value.js'
import type { KeyRange } from '../operations/operations.js'

/** After every key. */
const BEYOND = '\uffff'

/** Up to this many new ranges are looked through one by one, before they are sorted in. */
const MOST_NEW = 64

/** Everything that is registered for the same range of keys. */
interface Group<Item> {
  readonly key: Key
  readonly end: Key
  readonly items: Set<Item>
}

/** Ranges in the order of their first keys, as a tree: the root of a part is its middle. */
interface Sorted<Item> {
  readonly groups: readonly Group<Item>[]
  /** For each group the last end in the part of which it is the root. */
  readonly ends: readonly Key[]
}

/**
 * Finds what is registered for a key: by the key, or by a range that it lies in. Ten thousand
 * different ranges cost little more than one.
 */
export class WatchIndex<Item> {
  readonly #byKey = new Map<Key, Set<Item>>()
  readonly #byRange = new Map<string, Group<Item>>()
  #sorted: Sorted<Item> = { groups: [], ends: [] }
  /** Ranges that are not sorted in yet. */
  #fresh: Group<Item>[] = []
  /** Sorted ranges in which nothing is left. */
  #empty = 0

  add(range: KeyRange, item: Item): void {
    if (range.end === '') {
      const items = this.#byKey.get(range.key)
      if (items === undefined) this.#byKey.set(range.key, new Set([item]))
      else items.add(item)
      return
    }
    const name = nameOf(range)
    const found = this.#byRange.get(name)
    if (found !== undefined) {
      found.items.add(item)
      return
    }
    const end = range.end === NO_END ? BEYOND : range.end
    const group = { key: range.key, end, items: new Set([item]) }
    this.#byRange.set(name, group)
    this.#fresh.push(group)
    if (this.#fresh.length > MOST_NEW + this.#sorted.groups.length / MOST_NEW) this.#sort()
  }

  remove(range: KeyRange, item: Item): void {
    if (range.end === '') {
      const items = this.#byKey.get(range.key)
      items?.delete(item)
      if (items?.size === 0) this.#byKey.delete(range.key)
      return
    }
    const name = nameOf(range)
    const group = this.#byRange.get(name)
    group?.items.delete(item)
    if (group?.items.size !== 0) return
    this.#byRange.delete(name)
    if (++this.#empty > MOST_NEW + this.#byRange.size) this.#sort()
  }

  /** Calls `visit` with everything that is registered for a key. */
  find(key: Key, visit: (item: Item) => void): void {
    this.#byKey.get(key)?.forEach(visit)
    for (const { end, items, key: first } of this.#fresh) if (first <= key && key < end) items.forEach(visit)
    const { groups } = this.#sorted
    if (groups.length > 0) this.#findSorted(key, 0, groups.length, visit)
  }

  #findSorted(key: Key, low: number, high: number, visit: (item: Item) => void): void {
    if (low >= high) return
    const middle = (low + high) >>> 1
    const { ends, groups } = this.#sorted
    const group = groups[middle]
    if (group === undefined || (ends[middle] ?? '') <= key) return
    this.#findSorted(key, low, middle, visit)
    if (group.key > key) return
    if (key < group.end) group.items.forEach(visit)
    this.#findSorted(key, middle + 1, high, visit)
  }

  #sort(): void {
    const groups = [...this.#byRange.values()].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    const ends: Key[] = new Array<Key>(groups.length).fill('')
    const fill = (low: number, high: number): Key => {
      if (low >= high) return ''
      const middle = (low + high) >>> 1
      const sides = [fill(low, middle), fill(middle + 1, high), groups[middle]?.end ?? '']
      const last = sides.reduce((a, b) => (a > b ? a : b))
      ends[middle] = last
      return last
    }
    fill(0, groups.length)
    this.#sorted = { groups, ends }
    this.#fresh = []
    this.#empty = 0
  }
}

/** No two ranges have the same. */
function nameOf({ end, key }: KeyRange): string {
  return `${String(key.length)}:${key}${end}`
}
