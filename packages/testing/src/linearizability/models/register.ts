import { show, withAnswer } from '../describe.js'
import type { Model } from '../model.js'

export type RegisterValue = string | number | boolean | null

export type RegisterInput =
  | { readonly type: 'read' }
  | { readonly type: 'write'; readonly value: RegisterValue }
  /** Writes `to` if the value is `from`. */
  | { readonly type: 'cas'; readonly from: RegisterValue; readonly to: RegisterValue }

/** Of a read, the value; of a cas, whether it wrote; of a write, anything: true by custom. */
export type RegisterOutput = RegisterValue

/**
 * One value to read, write, and compare and set.
 *
 * @example
 *
 * checkLinearizable(registerModel(), [
 *   { client: 'a', input: { type: 'write', value: 1 }, invoked: 0, returned: 1, output: true },
 *   { client: 'b', input: { type: 'read' }, invoked: 2, returned: 3, output: 1 },
 * ])
 */
export function registerModel(
  init: RegisterValue = null,
): Model<RegisterValue, RegisterInput, RegisterOutput> {
  return {
    init,
    step(state, input, output) {
      switch (input.type) {
        case 'read':
          return output === undefined || output === state ? [state] : []
        case 'write':
          return [input.value]
        case 'cas': {
          const writes = state === input.from
          if (output !== undefined && output !== writes) return []
          return [writes ? input.to : state]
        }
      }
    },
    reads: ({ type }, output) => type === 'read' || (type === 'cas' && output === false),
    describe(input, output) {
      switch (input.type) {
        case 'read':
          return withAnswer('read', output)
        case 'write':
          return `write ${show(input.value)}${output === undefined ? ' → ?' : ''}`
        case 'cas':
          return withAnswer(`cas ${show(input.from)} to ${show(input.to)}`, output)
      }
    },
  }
}
