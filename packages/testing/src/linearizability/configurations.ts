import type { BitSet } from './bit-set.js'
import { type Used, includes } from './used.js'

/**
 * The configurations that a search has come to: which completed operations are in order, which
 * pending ones were used, and the state. One is not worth a visit if another was there with the
 * same completed operations, the same state, and fewer pending ones used: what is left could do all
 * that this one could.
 */
export class Configurations {
  readonly #visited = new Map<string, Used[]>()
  #count = 0

  /** How many were looked at, admitted or not. */
  get count(): number {
    return this.#count
  }

  /** Whether this one is worth a visit, which is made then. */
  admit(ordered: BitSet, state: number, used: Used): boolean {
    this.#count++
    const key = String.fromCharCode(state & 0xffff, state >>> 16) + ordered.key()
    const visited = this.#visited.get(key)
    if (visited?.some((other) => includes(used, other)) === true) return false
    const others = visited?.filter((other) => !includes(other, used)) ?? []
    this.#visited.set(key, [...others, used])
    return true
  }
}
