import { elementAt } from './element-at.js'
import type { Completed } from './call-list.js'
import type { OperationEffects } from './operation-effects.js'
import type { Operation } from './history.js'
import type { PendingKind } from './pending.js'
import { type Used, timesUsed } from './used.js'
import { type TimedEffect, haveConflict } from './zones.js'

/**
 * Tells early that an order leads nowhere, if each operation leads to one state of its own or
 * changes nothing, as those of a register do. Elsewhere it tells nothing.
 */
export class SearchPruner<State, Input, Output> {
  /** Whether there is no order at all. */
  readonly isHopeless: boolean
  /** Whether it can tell anything. */
  readonly #knows: boolean
  readonly #completed: readonly TimedEffect[]
  readonly #pending: readonly PendingKind<Input, Output>[]
  /** The state that each kind of pending operation leads to. */
  readonly #pendingTo: readonly (number | undefined)[]
  /**
   * By state, of the completed operations that are not in order: how many need it, and how many
   * lead to it.
   */
  readonly #needed: Int32Array
  readonly #supply: Int32Array

  constructor(
    { effects, states }: OperationEffects<State, Input, Output>,
    completed: readonly Completed<Input, Output>[],
    pending: readonly PendingKind<Input, Output>[],
  ) {
    const moves = (operations: readonly Operation<Input, Output>[]) =>
      operations.flatMap((each): TimedEffect[] => {
        const effect = effects?.get(each)
        return effect === undefined
          ? []
          : [{ effect, invoked: each.invoked, returned: each.returned ?? Infinity }]
      })
    this.#knows = effects !== undefined
    this.#completed = moves(completed)
    this.#pending = pending
    this.#pendingTo = pending.map(({ operations }) => effects?.get(elementAt(operations, 0))?.to)
    this.#needed = new Int32Array(states.count)
    this.#supply = new Int32Array(states.count)
    for (const move of this.#completed) this.#count(move, 1)
    const pendingMoves = moves(pending.flatMap(({ operations }) => operations))
    this.isHopeless = haveConflict(this.#completed, pendingMoves, states.count)
  }

  /** A completed operation, by number, was put in order. */
  lift(operation: number): void {
    if (this.#knows) this.#count(elementAt(this.#completed, operation), -1)
  }

  /** Undoes a lift. */
  putBack(operation: number): void {
    if (this.#knows) this.#count(elementAt(this.#completed, operation), 1)
  }

  /**
   * Whether a state that is left is missed: an operation that is not in order needs it, and none is
   * left that leads there. Of a register, a value that is yet to be read.
   */
  isMissed(state: number, used: Used): boolean {
    if (!this.#knows || elementAt(this.#needed, state) === 0 || elementAt(this.#supply, state) > 0)
      return false
    return this.#pendingTo.every((to, kind) => to !== state || timesUsed(kind, used) === this.#size(kind))
  }

  #count({ effect: { needs, to } }: TimedEffect, change: number): void {
    if (needs !== undefined) this.#needed[needs] = elementAt(this.#needed, needs) + change
    if (to !== undefined) this.#supply[to] = elementAt(this.#supply, to) + change
  }

  #size(kind: number): number {
    return elementAt(this.#pending, kind).operations.length
  }
}
