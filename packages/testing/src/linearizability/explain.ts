import { describe, show } from './describe.js'
import type { Operation } from './history.js'
import type { Model } from './model.js'
import { picture } from './picture.js'
import type { NotLinearizable } from './result.js'

/** Longer lists are cut to their last ones. */
const MOST_SHOWN = 24
const LAST_OF_PREFIX = 8

export function explainContradiction<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  found: Omit<NotLinearizable<State, Input, Output>, 'type' | 'explanation'>,
): string {
  const { contradiction, operation, partition, prefix, state } = found
  const words = (each: Operation<Input, Output>) => describe(model, each)
  const line = (each: Operation<Input, Output>) => `  ${each.client}: ${words(each)}`
  const shown = contradiction.slice(-MOST_SHOWN)
  const isImpossible = model.step(state, operation.input, operation.output).length === 0
  return [
    `Not linearizable${inPartition(partition)}: no order of its ${operations.length} operations explains`,
    line(operation),
    contradiction.length === shown.length
      ? 'These contradict each other, whatever became of all others:'
      : `The last ${shown.length} of ${contradiction.length} that contradict each other, whatever became of all others:`,
    indent(picture(shown, words)),
    `The end of an order of the ${prefix.length} before:`,
    ...prefix.slice(-LAST_OF_PREFIX).map(line),
    `It leads to the state ${model.key?.(state) ?? show(state)}${isImpossible ? ', where that is not possible' : ''}.`,
  ].join('\n')
}

export function explainUndecided<I, O>(
  operations: readonly Operation<I, O>[],
  partition: string,
  limit: number,
): string {
  const unknown = operations.filter(({ returned }) => returned === undefined).length
  return (
    `Could not decide within ${limit} configurations whether ${operations.length} operations, ` +
    `${unknown} of unknown outcome, are linearizable${inPartition(partition)}.`
  )
}

function inPartition(partition: string): string {
  return partition === '' ? '' : ` (partition ${show(partition)})`
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ')
}
