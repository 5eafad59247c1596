/**
 * More than this many at once do not fit: a client has at most half as many calls, and one of its
 * own.
 */
const MAX_SLOTS = 131_072

/**
 * Things with a number each, which come and go fast. A place that is free again is used again under
 * another number. (A map from growing numbers would be rebuilt all the time, and what it held
 * before it was rebuilt stays in memory for long.)
 */
export class Slots<T> {
  readonly #places: { number: number; value: T | undefined }[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#places.length - this.#free.length
  }

  /** Returns the number under which the value can be found: from 1 on, never used before. */
  add(value: T): number {
    const index = this.#free.pop() ?? this.#places.length
    const place = (this.#places[index] ??= { number: index + 1 - MAX_SLOTS, value: undefined })
    place.number += MAX_SLOTS
    place.value = value
    return place.number
  }

  get(number: number): T | undefined {
    const place = this.#places[(number - 1) % MAX_SLOTS]
    return place?.number === number ? place.value : undefined
  }

  remove(number: number): void {
    if (this.get(number) === undefined) return
    const index = (number - 1) % MAX_SLOTS
    const place = this.#places[index]
    if (place === undefined) return
    place.value = undefined
    this.#free.push(index)
  }

  *values(): Generator<T> {
    for (const { value } of this.#places) if (value !== undefined) yield value
  }
}
