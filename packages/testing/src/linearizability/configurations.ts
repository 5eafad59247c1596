import type { BitSet } from './bit-set.js'
import { type Used, includes } from './used.js'

/**
 * The configurations that a search has visited: completed operations in order, pending ones used,
 * state. One is not worth a visit if another has the same completed operations and state, and fewer
 * pending ones used: all that follows from this one follows from that one.
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
