import { show, withAnswer } from '../describe.js'
import type { Model } from '../model.js'

export type QueueValue = string | number

export type QueueInput =
  { readonly type: 'enqueue'; readonly value: QueueValue } | { readonly type: 'dequeue' }

/**
 * Of a dequeue, the value, null if the queue was empty; of an enqueue, anything: true by custom.
 */
export type QueueOutput = QueueValue | boolean | null

/**
 * First in, first out, empty at first.
 *
 * @example
 *
 * checkLinearizable(queueModel(), [
 *   { client: 'a', input: { type: 'enqueue', value: 1 }, invoked: 0, returned: 1, output: true },
 *   { client: 'b', input: { type: 'dequeue' }, invoked: 2, returned: 3, output: 1 },
 *   { client: 'b', input: { type: 'dequeue' }, invoked: 4, returned: 5, output: null },
 * ])
 */
export function queueModel(): Model<readonly QueueValue[], QueueInput, QueueOutput> {
  return {
    init: [],
    step(state, input, output) {
      if (input.type === 'enqueue') return [[...state, input.value]]
      const [first = null, ...rest] = state
      return output === undefined || output === first ? [rest] : []
    },
    reads: ({ type }, output) => type === 'dequeue' && output === null,
    describe: (input, output) =>
      input.type === 'enqueue'
        ? `enqueue ${show(input.value)}${output === undefined ? ' → ?' : ''}`
        : withAnswer('dequeue', output),
  }
}
