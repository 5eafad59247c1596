import type { LeaseId } from './key-value.js'

/** For no lease. */
const NO_LEASE = 0

interface Numbered {
  readonly id: LeaseId
  readonly number: number
  /** How many records have it. */
  uses: number
}

/** Small numbers for the leases that records name: an id takes eight bytes, and is a bigint. */
export class LeaseNumbers {
  readonly #byId = new Map<LeaseId, Numbered>()
  readonly #byNumber: (Numbered | undefined)[] = [undefined]
  readonly #free: number[] = []

  /** One more record names this lease. */
  take(id: LeaseId): number {
    if (id === 0n) return NO_LEASE
    let numbered = this.#byId.get(id)
    if (numbered === undefined) {
      numbered = { id, number: this.#free.pop() ?? this.#byNumber.length, uses: 0 }
      this.#byId.set(id, numbered)
      this.#byNumber[numbered.number] = numbered
    }
    numbered.uses++
    return numbered.number
  }

  /** One record less names it. */
  release(number: number): void {
    const numbered = this.#byNumber[number]
    if (numbered === undefined || --numbered.uses > 0) return
    this.#byId.delete(numbered.id)
    this.#byNumber[number] = undefined
    this.#free.push(number)
  }

  idOf(number: number): LeaseId {
    return this.#byNumber[number]?.id ?? 0n
  }
}
