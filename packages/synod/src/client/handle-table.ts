/**
 * More than this many at once do not fit: a client has at most half as many calls, and one of its
 * own.
 */
const MAX_HANDLES = 131_072

/**
 * Values with a number each, which come and go fast. A free place is used again under another
 * number. (A map from growing numbers is rebuilt all the time, and what it held before stays in
 * memory for long.)
 */
export class HandleTable<T> {
  readonly #places: { number: number; value: T | undefined }[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#places.length - this.#free.length
  }

  /** Returns the number under which the value can be found: from 1 on, never used before. */
  add(value: T): number {
    const index = this.#free.pop() ?? this.#places.length
    const place = (this.#places[index] ??= { number: index + 1 - MAX_HANDLES, value: undefined })
    place.number += MAX_HANDLES
    place.value = value
    return place.number
  }

  get(number: number): T | undefined {
    const place = this.#places[(number - 1) % MAX_HANDLES]
    return place?.number === number ? place.value : undefined
  }

  remove(number: number): void {
    if (this.get(number) === undefined) return
    const index = (number - 1) % MAX_HANDLES
    const place = this.#places[index]
    if (place === undefined) return
    place.value = undefined
    this.#free.push(index)
  }

  *values(): Generator<T> {
    for (const { value } of this.#places) if (value !== undefined) yield value
  }
}
