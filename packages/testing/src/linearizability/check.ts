import { isCompleted } from './call-list.js'
import { describe } from './describe.js'
import { explainContradiction, explainUndecided } from './explain.js'
import type { Operation } from './history.js'
import type { Model } from './model.js'
import { findObstacle } from './obstacle.js'
import type { CheckResult, Linearizable, NotLinearizable, Undecided } from './result.js'
import { Search } from './search.js'
import { shrink } from './shrink.js'
import { PartialHistory } from './partial-history.js'

/** Some seconds' work. */
const DEFAULT_LIMIT = 500_000

export interface CheckOptions {
  /** How many configurations are looked at, at most, in each partition; 500,000 unless given. */
  readonly limit?: number
}

/**
 * Whether operations can have happened one at a time, each at some moment between its call and its
 * return, with the answers that they had. No answer but `linearizable` may pass a test.
 *
 * Throws RangeError for an operation that returns before its call, and TypeError for one that
 * returned and has no output, or has an output and did not return, and for states and inputs that
 * are not plain values.
 *
 * @example
 *
 * const result = checkLinearizable(counterModel(), history.operations())
 * if (result.type !== 'linearizable') console.log(result.explanation)
 */
export function checkLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  { limit = DEFAULT_LIMIT }: CheckOptions = {},
): CheckResult<State, Input, Output> {
  for (const operation of operations) checkOperation(model, operation)
  const witness = new Map<string, readonly Operation<Input, Output>[]>()
  let configurations = 0
  let undecided: Undecided | undefined
  for (const [partition, part] of partitions(model, operations)) {
    const finding = new Search(model, part, limit).run()
    configurations += finding.configurations
    switch (finding.type) {
      case 'ordered':
        witness.set(partition, finding.order)
        break
      case 'stuck': {
        const history = new PartialHistory(model, part)
        const obstacle = findObstacle(history)
        const contradiction = shrink(history, obstacle.operation.returned)
        const found = { partition, ...obstacle, contradiction }
        return { type: 'not-linearizable', ...found, explanation: explainContradiction(model, part, found) }
      }
      case 'undecided':
        undecided ??= {
          type: 'undecided',
          partition,
          limit,
          explanation: explainUndecided(part, partition, limit),
        }
        break
    }
  }
  return undecided ?? { type: 'linearizable', witness, configurations }
}

/** What assertLinearizable throws. */
export class NotLinearizableError extends Error {
  override readonly name = 'NotLinearizableError'
  readonly result: NotLinearizable<unknown, unknown, unknown> | Undecided

  constructor(result: NotLinearizable<unknown, unknown, unknown> | Undecided) {
    super(result.explanation)
    this.result = result
  }
}

/**
 * As checkLinearizable, but throws NotLinearizableError, with the explanation as its message, if
 * the operations are not linearizable, and also if that could not be decided.
 */
export function assertLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  options?: CheckOptions,
): Linearizable<Input, Output> {
  const result = checkLinearizable(model, operations, options)
  if (result.type !== 'linearizable') throw new NotLinearizableError(result)
  return result
}

/** The operations of each partition, in the order of their calls. */
function partitions<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
): Map<string, Operation<Input, Output>[]> {
  const parts = new Map<string, Operation<Input, Output>[]>()
  for (const operation of operations.toSorted((a, b) => a.invoked - b.invoked)) {
    const name = model.partition?.(operation.input) ?? ''
    const part = parts.get(name)
    if (part === undefined) parts.set(name, [operation])
    else part.push(operation)
  }
  return parts
}

function checkOperation<State, Input, Output>(
  model: Model<State, Input, Output>,
  operation: Operation<Input, Output>,
): void {
  const { client, invoked, output, returned } = operation
  const what = () => `${client}: ${describe(model, operation)}`
  // Not just greater: neither may be NaN.
  if (!(invoked <= (returned ?? invoked))) throw new RangeError(`returns before its call: ${what()}`)
  if (isCompleted(operation) !== (output !== undefined)) {
    throw new TypeError(`must have both a return and an output, or neither: ${what()}`)
  }
}
