/** At most this share of the places is taken, so that searches are short. */
const LOAD_FACTOR = 0.5

const MIN_PLACES = 16

/** 2^32 divided by the golden ratio: multiples of it are spread evenly. */
const SPREAD = 0x9e3779b1

/**
 * Values by whole numbers that come and go fast. Places are used again at once: a Map is rebuilt
 * all the time, and the collector moves its old tables, with what they held, to the old generation.
 */
// Linear probing, with deletion in place: D. Knuth, The Art of Computer Programming, 6.4, R.
export class NumberTable<T> {
  #numbers: number[] = []
  #values: (T | undefined)[] = []
  #size = 0

  constructor() {
    this.#allocate(MIN_PLACES)
  }

  get size(): number {
    return this.#size
  }

  get(number: number): T | undefined {
    return this.#values[this.#find(number)]
  }

  has(number: number): boolean {
    return this.get(number) !== undefined
  }

  set(number: number, value: T): void {
    let place = this.#find(number)
    if (this.#values[place] === undefined) {
      if (this.#size >= LOAD_FACTOR * this.#values.length) {
        this.#grow()
        place = this.#find(number)
      }
      this.#size++
      this.#numbers[place] = number
    }
    this.#values[place] = value
  }

  /** Returns whether it was there. */
  delete(number: number): boolean {
    const numbers = this.#numbers
    const values = this.#values
    const mask = values.length - 1
    let hole = this.#find(number)
    if (values[hole] === undefined) return false
    for (let next = (hole + 1) & mask; values[next] !== undefined; next = (next + 1) & mask) {
      const home = this.#homeOf(numbers[next] ?? 0)
      // It stays where a search for it, which begins at its home, does not pass the hole.
      if (((next - home) & mask) < ((next - hole) & mask)) continue
      numbers[hole] = numbers[next] ?? 0
      values[hole] = values[next]
      hole = next
    }
    values[hole] = undefined
    this.#size--
    return true
  }

  /** Takes out at most this many values, whichever. */
  take(most: number): T[] {
    const taken: T[] = []
    // From the end: what a deletion moves comes from behind it, or from the beginning.
    for (let place = this.#values.length - 1; place >= 0 && taken.length < most; place--) {
      for (
        let value = this.#values[place];
        value !== undefined && taken.length < most;
        value = this.#values[place]
      ) {
        taken.push(value)
        this.delete(this.#numbers[place] ?? 0)
      }
    }
    return taken
  }

  /** Where this number is, or would be put. */
  #find(number: number): number {
    const mask = this.#values.length - 1
    let place = this.#homeOf(number)
    while (this.#values[place] !== undefined && this.#numbers[place] !== number) place = (place + 1) & mask
    return place
  }

  #homeOf(number: number): number {
    return (Math.imul(number, SPREAD) >>> 8) & (this.#values.length - 1)
  }

  #grow(): void {
    const [numbers, values] = [this.#numbers, this.#values]
    this.#allocate(2 * values.length)
    this.#size = 0
    for (const [place, value] of values.entries())
      if (value !== undefined) this.set(numbers[place] ?? 0, value)
  }

  #allocate(places: number): void {
    this.#numbers = Array.from({ length: places }, () => 0)
    this.#values = Array.from({ length: places }, () => undefined)
  }
}
