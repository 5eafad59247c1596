/** A run that grows beyond this is split: what an insertion must move stays small. */
const DEFAULT_MAX_RUN = 512

/**
 * A set of strings in order, by UTF-16 code units. They stand in sorted runs of bounded length, one after
 * the other, so that adding and deleting cost two binary searches and the move of part of one run.
 */
export class OrderedKeys {
  /** None is empty. */
  readonly #runs: string[][] = []
  readonly #maxRun: number

  constructor(maxRun = DEFAULT_MAX_RUN) {
    this.#maxRun = maxRun
  }

  /** The key must not be there. */
  add(key: string): void {
    // Behind the last run there is none; what belongs there belongs at the end of that run.
    const index = Math.min(this.#runOf(key), this.#runs.length - 1)
    const run = this.#runs[index]
    if (run === undefined) {
      this.#runs.push([key])
      return
    }
    run.splice(lowerBound(run, key), 0, key)
    if (run.length > this.#maxRun) this.#runs.splice(index + 1, 0, run.splice(run.length >>> 1))
  }

  /** The key must be there. */
  delete(key: string): void {
    const index = this.#runOf(key)
    const run = this.#runs[index]
    if (run === undefined) return
    run.splice(lowerBound(run, key), 1)
    const next = this.#runs[index + 1]
    if (run.length === 0) {
      this.#runs.splice(index, 1)
    } else if (next !== undefined && run.length + next.length <= this.#maxRun / 2) {
      // Otherwise runs of one key each could remain, as many as there ever were.
      run.push(...next)
      this.#runs.splice(index + 1, 1)
    }
  }

  /** All keys that are not below `start`, in order. The set must not change meanwhile. */
  *from(start: string): Generator<string, void, undefined> {
    const first = this.#runOf(start)
    for (let index = first; index < this.#runs.length; index++) {
      const run = this.#runs[index] ?? []
      for (let i = index === first ? lowerBound(run, start) : 0; i < run.length; i++) yield run[i] ?? ''
    }
  }

  /** The first run whose last key is not below `key`; the number of runs if there is none. */
  #runOf(key: string): number {
    let low = 0
    let high = this.#runs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const last = this.#runs[middle]?.at(-1)
      if (last !== undefined && last < key) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** How many keys of a run are below `key`. */
function lowerBound(run: readonly string[], key: string): number {
  let low = 0
  let high = run.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const found = run[middle]
    if (found !== undefined && found < key) low = middle + 1
    else high = middle
  }
  return low
}
