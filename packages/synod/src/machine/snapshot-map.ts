/** In the place of a key that was deleted. */
const HOLE: unique symbol = Symbol('hole')

/**
 * From this many holes on, and when half of the places are holes, a table is replaced by a dense
 * one.
 */
const MIN_HOLES = 32

/** Keys and values by place, in the order in which the keys were put in. */
interface Table<K, V> {
  readonly keys: (K | typeof HOLE)[]
  readonly values: (V | undefined)[]
  /**
   * What has replaced it, and which of its places were left out, in order: who is reading it goes
   * on there.
   */
  next: { readonly table: Table<K, V>; readonly without: readonly number[] | 'all' } | undefined
}

/**
 * A Map of which snapshots can be taken: the entries as of a moment, read later, while the map goes
 * on being changed. That costs memory for what is changed meanwhile only, and only until the
 * snapshot has come past it. Values must be replaced rather than changed in place. One snapshot is
 * read at a time: the next one takes its place.
 *
 * Like those of a Map, the entries are in the order in which their keys were put in, in snapshots
 * too: a map that is filled from a snapshot has the order of the one that it was taken of, so a
 * state machine may rely on it.
 *
 * @example
 * class Stock {
 *   readonly #items = new SnapshotMap<string, number>()
 *   apply([item, count]: readonly [string, number]): void {
 *     this.#items.set(item, count)
 *   }
 *   query(item: string): number {
 *     return this.#items.get(item) ?? 0
 *   }
 *   *snapshot(): Generator<Uint8Array> {
 *     for (const entry of this.#items.snapshot()) yield Buffer.from(JSON.stringify(entry))
 *   }
 *   async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
 *     this.#items.clear()
 *     for await (const chunk of chunks) this.apply(JSON.parse(Buffer.from(chunk).toString()))
 *   }
 * }
 */
export class SnapshotMap<K, V> implements Map<K, V> {
  readonly [Symbol.toStringTag] = 'SnapshotMap'
  /** The place of each key. */
  readonly #places = new Map<K, number>()
  #table: Table<K, V> = newTable()
  /** The snapshot that is being read. */
  #view: View<K, V> | undefined
  /**
   * How many snapshots have been taken: what was put in before the last of them must not be changed
   * in place.
   */
  #epoch = 0

  constructor(entries: Iterable<readonly [K, V]> = []) {
    for (const [key, value] of entries) this.set(key, value)
  }

  get size(): number {
    return this.#places.size
  }

  get epoch(): number {
    return this.#epoch
  }

  /** Whether a snapshot is being read. */
  get isViewed(): boolean {
    return this.#view !== undefined
  }

  has(key: K): boolean {
    return this.#places.has(key)
  }

  get(key: K): V | undefined {
    const place = this.#places.get(key)
    return place === undefined ? undefined : this.#table.values[place]
  }

  set(key: K, value: V): this {
    const { keys, values } = this.#table
    const place = this.#places.get(key)
    if (place === undefined) {
      this.#places.set(key, keys.length)
      keys.push(key)
      values.push(value)
    } else {
      this.#view?.keep(this.#table, place)
      values[place] = value
    }
    return this
  }

  delete(key: K): boolean {
    const place = this.#places.get(key)
    if (place === undefined) return false
    this.#view?.keep(this.#table, place)
    this.#places.delete(key)
    this.#table.keys[place] = HOLE
    this.#table.values[place] = undefined
    const holes = this.#table.keys.length - this.#places.size
    if (holes >= MIN_HOLES && holes > this.#places.size) this.#close()
    return true
  }

  clear(): void {
    const emptied = this.#table
    this.#table = newTable()
    emptied.next = { table: this.#table, without: 'all' }
    this.#places.clear()
  }

  keys(): MapIterator<K> {
    return this.#each((key) => key)
  }

  values(): MapIterator<V> {
    return this.#each((_, value) => value)
  }

  entries(): MapIterator<[K, V]> {
    return this.#each((key, value) => [key, value])
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries()
  }

  forEach(visit: (value: V, key: K, map: Map<K, V>) => void): void {
    for (const [key, value] of this) visit(value, key, this)
  }

  /**
   * The entries as of this call, each once, in their order. What is changed is kept as it was until
   * the snapshot has come past it, or is left as `for` leaves it, or the next one is taken; then it
   * throws.
   */
  snapshot(): IterableIterator<[K, V]> {
    this.#epoch++
    this.#view?.end()
    const view = new View(this.#table, () => {
      if (this.#view === view) this.#view = undefined
    })
    return (this.#view = view)
  }

  *#each<T>(pick: (key: K, value: V) => T): Generator<T, undefined, undefined> {
    let table = this.#table
    for (let place = 0; ; place++) {
      for (; table.next !== undefined; table = table.next.table) place -= below(table.next.without, place)
      const key = table.keys[place]
      if (place >= table.keys.length) return
      if (key !== HOLE) yield pick(key as K, table.values[place] as V)
    }
  }

  /** Closes the holes. A snapshot goes on with the table as it was. */
  #close(): void {
    const { keys, values } = this.#table
    const table = newTable<K, V>()
    const holes: number[] = []
    for (const [place, key] of keys.entries()) {
      if (key === HOLE) {
        holes.push(place)
        continue
      }
      this.#places.set(key, table.keys.length)
      table.keys.push(key)
      table.values.push(values[place])
    }
    this.#table.next = { table, without: holes }
    this.#table = table
  }
}

/** The places of a table that were there when a snapshot was taken, read one by one. */
class View<K, V> implements IterableIterator<[K, V]> {
  #table: Table<K, V> | undefined
  readonly #count: number
  readonly #onEnd: () => void
  /** What has been changed ahead of the place that is read next, as it was. */
  readonly #originals = new Map<number, [K, V]>()
  #place = 0
  #isOutdated = false

  constructor(table: Table<K, V>, onEnd: () => void) {
    this.#table = table
    this.#count = table.keys.length
    this.#onEnd = onEnd
  }

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<[K, V], undefined> {
    if (this.#isOutdated) throw new Error('a later snapshot has taken the place of this one')
    while (this.#table !== undefined && this.#place < this.#count) {
      const place = this.#place++
      const original = this.#originals.get(place)
      if (original !== undefined) {
        this.#originals.delete(place)
        return { done: false, value: original }
      }
      const key = this.#table.keys[place] as K | typeof HOLE
      if (key !== HOLE) return { done: false, value: [key, this.#table.values[place] as V] }
    }
    return this.return()
  }

  return(): IteratorResult<[K, V], undefined> {
    this.#table = undefined
    this.#originals.clear()
    this.#onEnd()
    return { done: true, value: undefined }
  }

  /** A later snapshot takes its place. */
  end(): void {
    this.return()
    this.#isOutdated = true
  }

  /** A place is about to be changed. */
  keep({ keys, values }: Table<K, V>, place: number): void {
    if (keys !== this.#table?.keys || place < this.#place || place >= this.#count) return
    const key = keys[place] as K | typeof HOLE
    if (key !== HOLE && !this.#originals.has(place)) this.#originals.set(place, [key, values[place] as V])
  }
}

function newTable<K, V>(): Table<K, V> {
  return { keys: [], values: [], next: undefined }
}

/** How many of these places are below one. */
function below(places: readonly number[] | 'all', place: number): number {
  if (places === 'all') return place
  let low = 0
  let high = places.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((places[middle] ?? Infinity) < place) low = middle + 1
    else high = middle
  }
  return low
}
