import { isCompleted } from './call-list.js'
import { type OperationEffects, findEffects } from './operation-effects.js'
import { type Operation, withoutOutcome } from './history.js'
import type { Model } from './model.js'
import { type SearchResult, Search } from './search.js'

/**
 * Operations of which some outcomes are forgotten. What is not linearizable when some are forgotten
 * is not so when they are known.
 */
export class PartialHistory<State, Input, Output> {
  readonly model: Model<State, Input, Output>
  readonly operations: readonly Operation<Input, Output>[]
  readonly #forgotten: ReadonlyMap<Operation<Input, Output>, Operation<Input, Output>>
  readonly #effects: OperationEffects<State, Input, Output>

  /** The operations come in the order of their calls. */
  constructor(model: Model<State, Input, Output>, operations: readonly Operation<Input, Output>[]) {
    this.model = model
    this.operations = operations
    this.#forgotten = new Map(operations.filter(isCompleted).map((each) => [each, withoutOutcome(each)]))
    this.#effects = findEffects(model, [...operations, ...this.#forgotten.values()])
  }

  /** Searches what was seen up to some time, if only the outcomes of some are known. */
  search(
    time: number,
    limit: number,
    known: (operation: Operation<Input, Output>) => boolean = () => true,
  ): SearchResult<State, Input, Output> {
    const operations = this.operations
      .filter(({ invoked }) => invoked <= time)
      .map((each) => {
        const isKnown = (each.returned ?? 0) <= time && known(each)
        return isKnown ? each : (this.#forgotten.get(each) ?? each)
      })
    return new Search(this.model, operations, limit, this.#effects).run()
  }
}
