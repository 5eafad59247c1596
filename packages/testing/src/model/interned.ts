/** Numbers things from 0 on, so that things with equal keys have one number. */
export class Interned<T> {
  readonly #numbers = new Map<string, number>()
  readonly #things: T[] = []

  get size(): number {
    return this.#things.length
  }

  /** The number of the thing with this key; the thing is made if there is none. */
  number(key: string, make: (number: number) => T): number {
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const number = this.#things.length
    this.#numbers.set(key, number)
    this.#things.push(make(number))
    return number
  }

  get(number: number): T {
    const thing = this.#things[number]
    if (thing === undefined) throw new RangeError(`there is no number ${number}`)
    return thing
  }
}
