import { SynodError } from '../errors.js'
import type { Slot } from '../paxos/ballot.js'
import type { ReadableAt } from '../paxos/effects.js'

/** More reads do not wait here: further ones are refused as `overloaded`. */
export const MAX_WAITING_READS = 65_536

/**
 * The linearizable reads that wait at this replica: first for the slot that they must see executed, which a
 * quorum names, then for that slot to be executed.
 */
export class ReadQueue {
  readonly #unconfirmed = new Map<number, () => void>()
  readonly #confirmed = new Map<number, { readonly slot: Slot; readonly answer: () => void }>()
  #nextId = 1

  get size(): number {
    return this.#unconfirmed.size + this.#confirmed.size
  }

  /** `answer` is called once, when the state is new enough. Returns the id of the read. Throws `overloaded`. */
  add(answer: () => void): number {
    if (this.size >= MAX_WAITING_READS) {
      throw new SynodError('overloaded', `${this.size} reads wait already: try again later`)
    }
    const id = this.#nextId++
    this.#unconfirmed.set(id, answer)
    return id
  }

  /** Nobody waits for it any more. */
  cancel(id: number): void {
    this.#unconfirmed.delete(id)
    this.#confirmed.delete(id)
  }

  /** A quorum has answered. */
  confirm({ id, slot }: ReadableAt, executed: Slot): void {
    const answer = this.#unconfirmed.get(id)
    if (answer === undefined) return
    this.#unconfirmed.delete(id)
    if (slot <= executed) answer()
    else this.#confirmed.set(id, { slot, answer })
  }

  /** Every slot up to this one has been executed. */
  executed(executed: Slot): void {
    for (const [id, { slot, answer }] of this.#confirmed) {
      if (slot > executed) continue
      this.#confirmed.delete(id)
      answer()
    }
  }
}
