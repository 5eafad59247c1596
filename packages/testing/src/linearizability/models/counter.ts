import { withAnswer } from '../describe.js'
import type { Model } from '../model.js'

/** An amount is 0 or more. */
export type CounterInput = { readonly type: 'add'; readonly amount: number } | { readonly type: 'read' }

/**
 * A total that only grows: it can be added to, and read. Both answer with the total, an add with
 * the new one. An amount below 0 throws RangeError.
 *
 * @example
 *
 * checkLinearizable(counterModel(), [
 *   { client: 'a', input: { type: 'add', amount: 2 }, invoked: 0, returned: 2, output: 2 },
 *   { client: 'b', input: { type: 'read' }, invoked: 1, returned: 3, output: 0 },
 * ])
 */
export function counterModel(init = 0): Model<number, CounterInput, number> {
  return {
    init,
    step(state, input, output) {
      const total = after(state, input)
      return output === undefined || output === total ? [total] : []
    },
    reads: ({ type }) => type === 'read',
    isTooLate: (state, input, output) => output !== undefined && output < after(state, input),
    describe: (input, output) => withAnswer(input.type === 'add' ? `add ${input.amount}` : 'read', output),
  }
}

function after(total: number, input: CounterInput): number {
  if (input.type === 'read') return total
  if (!(input.amount >= 0)) throw new RangeError(`cannot add ${input.amount}: a counter only grows`)
  return total + input.amount
}
