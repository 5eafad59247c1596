/**
 * A Map of which snapshots can be taken: the entries as of a moment, read later, while the map goes on being changed. That
 * costs memory for what is changed meanwhile only. Values must be replaced rather than changed in place. One snapshot is
 * read at a time: the next one takes its place.
 *
 * @example
 * class Stock implements Machine<Change, void, string, number> {
 *   readonly #items = new SnapshotMap<string, number>()
 *   *snapshot() {
 *     for (const entry of this.#items.snapshot()) yield Buffer.from(JSON.stringify(entry))
 *   }
 *   …
 * }
 */
export class SnapshotMap<K, V> extends Map<K, V> {
  /** What has been changed since the snapshot that is being read. */
  #view: View<K, V> | undefined
  /** How many snapshots have been taken: what was put in before the last of them must not be changed in place. */
  #epoch = 0

  constructor(entries: Iterable<readonly [K, V]> = []) {
    super()
    for (const [key, value] of entries) super.set(key, value)
  }

  get epoch(): number {
    return this.#epoch
  }

  /** Whether a snapshot is being read. */
  get isViewed(): boolean {
    return this.#view !== undefined
  }

  override set(key: K, value: V): this {
    if (this.#view !== undefined) this.#keep(this.#view, key)
    return super.set(key, value)
  }

  override delete(key: K): boolean {
    if (this.#view !== undefined) this.#keep(this.#view, key)
    return super.delete(key)
  }

  override clear(): void {
    if (this.#view !== undefined) for (const key of this.keys()) this.#keep(this.#view, key)
    super.clear()
  }

  /**
   * The entries as of this call, in no order; one that is changed while it is read may come twice, as it was. Originals
   * are kept until it is read to its end, or left as `for` leaves it, or the next snapshot is taken; then it throws.
   */
  snapshot(): IterableIterator<[K, V]> {
    this.#epoch++
    const view: View<K, V> = new Map()
    this.#view = view
    const entries = this.entries()
    return this.#read(view, entries)
  }

  *#read(view: View<K, V>, entries: IterableIterator<[K, V]>): Generator<[K, V], void, undefined> {
    try {
      for (const entry of entries) {
        this.#check(view)
        if (!view.has(entry[0])) yield entry
      }
      for (const [key, original] of view) {
        this.#check(view)
        if (original !== undefined) yield [key, original.value]
      }
    } finally {
      if (this.#view === view) this.#view = undefined
    }
  }

  #check(view: View<K, V>): void {
    if (this.#view !== view) throw new Error('a later snapshot has taken the place of this one')
  }

  #keep(view: View<K, V>, key: K): void {
    if (!view.has(key)) view.set(key, this.has(key) ? { value: this.get(key) as V } : undefined)
  }
}

/** What has been changed since, as it was; undefined for what was not there. */
type View<K, V> = Map<K, { readonly value: V } | undefined>
