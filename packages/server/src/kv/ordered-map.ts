/** A run that grows beyond this is split: what an insertion must move stays small. */
const DEFAULT_MAX_RUN = 512

interface Run<V> extends Entries<V> {
  readonly keys: string[]
  readonly values: V[]
  /**
   * Which snapshot was the last when the run was made. A run that an earlier one may show is copied
   * before it is changed.
   */
  readonly epoch: number
}

/** Keys in order, and the value of each at the same place. */
export interface Entries<V> {
  readonly keys: readonly string[]
  readonly values: readonly V[]
}

/**
 * A map in the order of its keys, by UTF-16 code units, as sorted runs of bounded length: an
 * operation costs two binary searches and the move of part of a run, however large the map. A
 * snapshot shares the runs; the map copies a run before it changes it.
 */
export class OrderedMap<V> {
  /** None is empty. */
  #runs: Run<V>[] = []
  readonly #maxRun: number
  #size = 0
  #snapshots = 0
  /** The runs of the snapshot that is being read. */
  #shown: readonly Run<V>[] | undefined

  constructor(maxRun = DEFAULT_MAX_RUN) {
    this.#maxRun = maxRun
  }

  get size(): number {
    return this.#size
  }

  get(key: string): V | undefined {
    const run = this.#runs[this.#runOf(key)]
    if (run === undefined) return undefined
    const at = lowerBound(run.keys, key)
    return run.keys[at] === key ? run.values[at] : undefined
  }

  /** Returns whether the key was there before. */
  set(key: string, value: V): boolean {
    // Behind the last run there is none; what belongs there belongs at the end of that run.
    const index = Math.min(this.#runOf(key), this.#runs.length - 1)
    if (index < 0) {
      this.#runs.push(this.#newRun([key], [value]))
      this.#size++
      return false
    }
    const { keys, values } = this.#toChange(index)
    const at = lowerBound(keys, key)
    if (keys[at] === key) {
      values[at] = value
      return true
    }
    keys.splice(at, 0, key)
    values.splice(at, 0, value)
    this.#size++
    if (keys.length > this.#maxRun) this.#split(index, keys.length >>> 1)
    return false
  }

  /** Returns whether the key was there. */
  delete(key: string): boolean {
    const index = this.#runOf(key)
    const found = this.#runs[index]
    if (found === undefined) return false
    const at = lowerBound(found.keys, key)
    if (found.keys[at] !== key) return false
    const { keys, values } = this.#toChange(index)
    keys.splice(at, 1)
    values.splice(at, 1)
    this.#size--
    const next = this.#runs[index + 1]
    if (keys.length === 0) {
      this.#runs.splice(index, 1)
    } else if (next !== undefined && keys.length + next.keys.length <= this.#maxRun / 2) {
      // Otherwise runs of one key each could remain, as many as there ever were.
      keys.push(...next.keys)
      values.push(...next.values)
      this.#runs.splice(index + 1, 1)
    }
    return true
  }

  clear(): void {
    this.#runs = []
    this.#size = 0
  }

  /** Adds an entry at the end: its key must be above all others. */
  append(key: string, value: V): void {
    const last = this.#runs.at(-1)?.keys.at(-1)
    if (last !== undefined && last >= key) throw new RangeError('keys out of order')
    const index = this.#runs.length - 1
    if (index < 0 || (this.#runs[index]?.keys.length ?? 0) >= this.#maxRun / 2) {
      this.#runs.push(this.#newRun([key], [value]))
    } else {
      const { keys, values } = this.#toChange(index)
      keys.push(key)
      values.push(value)
    }
    this.#size++
  }

  /** All entries whose key is not below `start`, in order. The map must not change meanwhile. */
  *from(start: string): Generator<readonly [string, V], void, undefined> {
    const first = this.#runOf(start)
    for (let index = first; index < this.#runs.length; index++) {
      const run = this.#runs[index]
      if (run !== undefined) yield* entries(run, index === first ? lowerBound(run.keys, start) : 0)
    }
  }

  /**
   * All entries as of this call, in order, also where the map changes while they are read: a run of
   * them at a time, for speed. The next snapshot takes its place.
   */
  snapshot(): Generator<Entries<V>, void, undefined> {
    this.#snapshots++
    return this.#read((this.#shown = [...this.#runs]))
  }

  *#read(runs: readonly Run<V>[]): Generator<Entries<V>, void, undefined> {
    try {
      for (const run of runs) {
        if (this.#shown !== runs) throw new Error('a later snapshot has taken the place of this one')
        yield run
      }
    } finally {
      if (this.#shown === runs) this.#shown = undefined
    }
  }

  #at(index: number): Run<V> {
    const run = this.#runs[index]
    if (run === undefined) throw new RangeError(`there is no run ${index}`)
    return run
  }

  #newRun(keys: string[], values: V[]): Run<V> {
    return { keys, values, epoch: this.#snapshots }
  }

  #toChange(index: number): Run<V> {
    const run = this.#at(index)
    if (this.#shown === undefined || run.epoch === this.#snapshots) return run
    return (this.#runs[index] = this.#newRun([...run.keys], [...run.values]))
  }

  #split(index: number, at: number): void {
    const { keys, values } = this.#at(index)
    this.#runs.splice(index + 1, 0, this.#newRun(keys.splice(at), values.splice(at)))
  }

  /** The first run whose last key is not below `key`; the number of runs if there is none. */
  #runOf(key: string): number {
    let low = 0
    let high = this.#runs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const last = this.#runs[middle]?.keys.at(-1)
      if (last !== undefined && last < key) low = middle + 1
      else high = middle
    }
    return low
  }
}

function* entries<V>(
  { keys, values }: Run<V>,
  from: number,
): Generator<readonly [string, V], void, undefined> {
  for (const [index, key] of keys.entries()) if (index >= from) yield [key, values[index] as V]
}

/** How many keys of a run are below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const found = keys[middle]
    if (found !== undefined && found < key) low = middle + 1
    else high = middle
  }
  return low
}
