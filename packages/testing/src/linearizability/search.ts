import { elementAt } from './element-at.js'
import { BitSet } from './bit-set.js'
import { CallList, type Completed, isCompleted } from './call-list.js'
import { Configurations } from './configurations.js'
import { SearchPruner } from './search-pruner.js'
import { type OperationEffects, findEffects } from './operation-effects.js'
import type { Operation } from './history.js'
import type { Model } from './model.js'
import { type PendingKind, pendingKinds } from './pending.js'
import type { States } from './states.js'
import { type Used, timesUsed, withUsed } from './used.js'

/** What a search found out. */
export type SearchResult<State, Input, Output> = { readonly configurations: number } & (
  | { readonly type: 'ordered'; readonly order: Operation<Input, Output>[]; readonly state: State }
  /** There is no order. */
  | { readonly type: 'stuck' }
  /** There are more configurations than may be looked at. */
  | { readonly type: 'undecided' }
)

/** Where an order of operations leads. */
interface Place<State, Input, Output> {
  readonly state: State
  /** Of the state. */
  readonly number: number
  /** The pending operations in the order. */
  readonly used: Used
  /** The order, its end first. */
  readonly trail: Trail<Input, Output> | undefined
}

interface Trail<Input, Output> {
  readonly operation: Operation<Input, Output>
  readonly before: Trail<Input, Output> | undefined
}

/** A way on from a place: by a completed operation, given by its number. */
interface Way<State, Input, Output> {
  readonly via: number
  readonly from: Place<State, Input, Output>
  readonly to: Place<State, Input, Output>
}

/** A place on the way that is being tried. */
interface Visit<State, Input, Output> {
  /** The operation that led here; undefined for the beginning. */
  readonly via: number | undefined
  /** The ways on that were not tried yet. */
  readonly ways: Iterator<Way<State, Input, Output>, void>
}

/**
 * Searches an order that the model and real time allow: Wing and Gong (1993), with the memory of
 * configurations of Lowe, "Testing for linearizability" (2017). Pending operations are possible for
 * ever: they are used right before a completed one alone, few before many.
 */
export class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>
  readonly #limit: number
  readonly #completed: readonly Completed<Input, Output>[]
  /** Of the completed, by number: whether it only reads. */
  readonly #reads: readonly boolean[]
  readonly #pending: readonly PendingKind<Input, Output>[]
  readonly #calls: CallList
  readonly #ordered: BitSet
  readonly #states: States<State>
  readonly #pruner: SearchPruner<State, Input, Output>
  readonly #configurations = new Configurations()

  /**
   * The operations come in the order of their calls. The search gives up when it has looked at more
   * than `limit` configurations. The effects may be of more operations than these.
   */
  constructor(
    model: Model<State, Input, Output>,
    operations: readonly Operation<Input, Output>[],
    limit: number,
    effects: OperationEffects<State, Input, Output> = findEffects(model, operations),
  ) {
    const reads = ({ input, output }: Operation<Input, Output>) => model.reads?.(input, output) === true
    this.#model = model
    this.#limit = limit
    this.#completed = operations.filter(isCompleted)
    this.#reads = this.#completed.map(reads)
    this.#pending = pendingKinds(operations.filter((each) => !isCompleted(each) && !reads(each)))
    this.#calls = new CallList(this.#completed)
    this.#ordered = new BitSet(this.#completed.length)
    this.#states = effects.states
    this.#pruner = new SearchPruner(effects, this.#completed, this.#pending)
  }

  run(): SearchResult<State, Input, Output> {
    const start = this.#place(this.#model.init, [], undefined)
    if (this.#calls.isEmpty()) return this.#found(start)
    if (this.#pruner.isHopeless) return { type: 'stuck', configurations: 0 }
    this.#admits(start)
    const visits = [this.#visit(start)]
    for (let visit = visits.at(-1); visit !== undefined; visit = visits.at(-1)) {
      const way = visit.ways.next()
      const { count: configurations } = this.#configurations
      if (configurations > this.#limit) return { type: 'undecided', configurations }
      if (way.done === true) {
        visits.pop()
        if (visit.via !== undefined) this.#putBack(visit.via)
        continue
      }
      const { from, to, via } = way.value
      this.#lift(via)
      if (this.#calls.isEmpty()) return this.#found(to)
      if (this.#keepsNeeded(from, to) && this.#admits(to)) visits.push(this.#visit(to, via))
      else this.#putBack(via)
    }
    return { type: 'stuck', configurations: this.#configurations.count }
  }

  #visit(place: Place<State, Input, Output>, via?: number): Visit<State, Input, Output> {
    return { via, ways: this.#ways(place) }
  }

  /**
   * All ways on: by completed operations, first without pending ones, then with ever more of them
   * in between.
   */
  *#ways(place: Place<State, Input, Output>): Generator<Way<State, Input, Output>, void> {
    const candidates = this.#candidates()
    const places = [place]
    for (const here of places) {
      if (candidates.some((each) => this.#isTooLate(each, here))) continue
      const read = candidates.find((each) => elementAt(this.#reads, each) && this.#by(each, here).length > 0)
      if (read !== undefined) {
        // All that comes next can come after this read as well.
        yield* this.#by(read, here)
        continue
      }
      for (const candidate of candidates) yield* this.#by(candidate, here)
      for (const there of this.#byPending(here)) {
        if (this.#keepsNeeded(here, there) && this.#admits(there)) places.push(there)
      }
      if (this.#configurations.count > this.#limit) return
    }
  }

  /**
   * What can come next, with what returned first in front: it is likelier to have happened first.
   */
  #candidates(): number[] {
    const returned = (each: number) => elementAt(this.#completed, each).returned
    return this.#calls.candidates().sort((a, b) => returned(a) - returned(b))
  }

  #isTooLate(candidate: number, { state }: Place<State, Input, Output>): boolean {
    const { input, output } = elementAt(this.#completed, candidate)
    return this.#model.isTooLate?.(state, input, output) === true
  }

  /** The ways on by a completed operation. */
  #by(via: number, from: Place<State, Input, Output>): Way<State, Input, Output>[] {
    const operation = elementAt(this.#completed, via)
    return this.#model
      .step(from.state, operation.input, operation.output)
      .map((state) => ({ via, from, to: this.#place(state, from.used, { operation, before: from.trail }) }))
  }

  /** The places that one pending operation leads to. */
  #byPending({ state, trail, used }: Place<State, Input, Output>): Place<State, Input, Output>[] {
    const horizon = elementAt(this.#completed, this.#calls.firstToReturn).returned
    return this.#pending.flatMap(({ input, operations }, kind) => {
      const operation = operations[timesUsed(kind, used)]
      if (operation === undefined || operation.invoked > horizon) return []
      return this.#model
        .step(state, input, undefined)
        .map((next) => this.#place(next, withUsed(used, kind), { operation, before: trail }))
    })
  }

  #place(state: State, used: Used, trail: Trail<Input, Output> | undefined): Place<State, Input, Output> {
    return { state, number: this.#states.number(state), used, trail }
  }

  #found({ state, trail: end }: Place<State, Input, Output>): SearchResult<State, Input, Output> {
    const order: Operation<Input, Output>[] = []
    for (let trail = end; trail !== undefined; trail = trail.before) order.push(trail.operation)
    return { type: 'ordered', order: order.reverse(), state, configurations: this.#configurations.count }
  }

  #lift(operation: number): void {
    this.#calls.lift(operation)
    this.#ordered.add(operation)
    this.#pruner.lift(operation)
  }

  #putBack(operation: number): void {
    this.#calls.putBack(operation)
    this.#ordered.delete(operation)
    this.#pruner.putBack(operation)
  }

  #keepsNeeded(from: Place<State, Input, Output>, to: Place<State, Input, Output>): boolean {
    return from.number === to.number || !this.#pruner.isMissed(from.number, to.used)
  }

  #admits({ number, used }: Place<State, Input, Output>): boolean {
    return this.#configurations.admit(this.#ordered, number, used)
  }
}
