import { elementAt } from './element-at.js'
import type { Operation } from './history.js'

/** An operation whose outcome is known. */
export type Completed<Input, Output> = Operation<Input, Output> & { readonly returned: number }

export function isCompleted<I, O>(operation: Operation<I, O>): operation is Completed<I, O> {
  return operation.returned !== undefined
}

/**
 * Calls and returns of completed operations in order of time, as a doubly linked list. An operation
 * is lifted out when it is put in order, and put back, last first, to try another order. Operation
 * i has the events 2i, its call, and 2i + 1, its return.
 */
export class CallList {
  readonly #next: Int32Array
  readonly #previous: Int32Array
  readonly #head: number

  /** The operations come by number, in the order of their calls. */
  constructor(operations: readonly Completed<unknown, unknown>[]) {
    this.#head = 2 * operations.length
    const times = operations.flatMap(({ invoked, returned }) => [invoked, returned])
    // At the same time, calls come first: neither operation is before the other.
    const order = [...times.keys()].sort(
      (a, b) => elementAt(times, a) - elementAt(times, b) || (a % 2) - (b % 2),
    )
    this.#next = new Int32Array(this.#head + 1)
    this.#previous = new Int32Array(this.#head + 1)
    let last = this.#head
    for (const event of order) {
      this.#link(last, event)
      last = event
    }
    this.#link(last, this.#head)
  }

  isEmpty(): boolean {
    return this.#after(this.#head) === this.#head
  }

  /** The operation that returned first, of those in the list, which is not empty. */
  get firstToReturn(): number {
    let event = this.#after(this.#head)
    while (event % 2 === 0) event = this.#after(event)
    return event >> 1
  }

  /** The operations that may come next: no other in the list returned before they were called. */
  candidates(): number[] {
    const found: number[] = []
    for (
      let event = this.#after(this.#head);
      event % 2 === 0 && event !== this.#head;
      event = this.#after(event)
    ) {
      found.push(event >> 1)
    }
    return found
  }

  lift(operation: number): void {
    for (const event of [2 * operation, 2 * operation + 1]) {
      this.#link(elementAt(this.#previous, event), this.#after(event))
    }
  }

  /** Undoes the last lift. */
  putBack(operation: number): void {
    for (const event of [2 * operation + 1, 2 * operation]) {
      this.#next[elementAt(this.#previous, event)] = event
      this.#previous[this.#after(event)] = event
    }
  }

  #after(event: number): number {
    return elementAt(this.#next, event)
  }

  #link(before: number, after: number): void {
    this.#next[before] = after
    this.#previous[after] = before
  }
}
