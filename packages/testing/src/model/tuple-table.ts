const NONE = 0

/**
 * A set of tuples of 32-bit numbers, each numbered from 0 on in the order in which it was added. It
 * is exact, so that no two states of a search are ever taken for one: a hash finds the place to
 * look, and whole tuples are compared. A tuple of three takes 20 to 40 bytes.
 */
export class TupleTable {
  readonly #width: number
  #words: Int32Array<ArrayBuffer>
  /** Open addressing: the number of a tuple, plus one. */
  #places = new Int32Array(1024)
  #size = 0

  constructor(width: number) {
    this.#width = width
    this.#words = new Int32Array(width * 512)
  }

  get size(): number {
    return this.#size
  }

  /** The number of a tuple, which is new if it is the `size` from before. */
  add(tuple: ArrayLike<number>): number {
    const width = this.#width
    const mask = this.#places.length - 1
    let place = hash(tuple, width) & mask
    for (let at = this.#places[place]; at !== undefined && at !== NONE; at = this.#places[place]) {
      if (this.#equals(at - 1, tuple)) return at - 1
      place = (place + 1) & mask
    }
    const number = this.#size++
    this.#places[place] = this.#size
    if (this.#words.length < this.#size * width) this.#words = grown(this.#words)
    for (let i = 0; i < width; i++) this.#words[number * width + i] = tuple[i] ?? 0
    if (this.#size * 2 > this.#places.length) this.#rehash()
    return number
  }

  read(number: number, into: Int32Array): void {
    for (let i = 0; i < this.#width; i++) into[i] = this.#words[number * this.#width + i] ?? 0
  }

  #equals(number: number, tuple: ArrayLike<number>): boolean {
    for (let i = 0; i < this.#width; i++) {
      if (this.#words[number * this.#width + i] !== tuple[i]) return false
    }
    return true
  }

  #rehash(): void {
    const places = new Int32Array(this.#places.length * 2)
    const mask = places.length - 1
    const tuple = new Int32Array(this.#width)
    for (let number = 0; number < this.#size; number++) {
      this.read(number, tuple)
      let place = hash(tuple, this.#width) & mask
      while (places[place] !== NONE) place = (place + 1) & mask
      places[place] = number + 1
    }
    this.#places = places
  }
}

/** An array of twice the length with the same beginning. */
export function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(array.length * 2)
  longer.set(array)
  return longer
}

/** Multiplies and folds, word by word, as murmur3 finishes (Appleby). */
function hash(tuple: ArrayLike<number>, width: number): number {
  let h = width
  for (let i = 0; i < width; i++) {
    h = Math.imul(h ^ (tuple[i] ?? 0), 0x85ebca6b)
    h ^= h >>> 13
    h = Math.imul(h, 0xc2b2ae35)
    h ^= h >>> 16
  }
  return h
}
