import { show, withAnswer } from '../describe.js'
import type { Model } from '../model.js'

/** The value of a key; null if the key is not there. */
export type KeyValue = string | number | null

export type KeyValueInput = { readonly key: string } & (
  | { readonly type: 'get' }
  | { readonly type: 'put'; readonly value: string | number }
  | { readonly type: 'delete' }
  /** Puts `to` if the value is `from`. */
  | { readonly type: 'cas'; readonly from: KeyValue; readonly to: string | number }
)

/**
 * Of a get, the value; of a cas, whether it put; of a put or a delete, whether the key was there
 * before, or null from a store that does not tell.
 */
export type KeyValueOutput = KeyValue | boolean

/**
 * A store of keys and values, empty at first. Each key is checked on its own.
 *
 * @example
 *
 * checkLinearizable(keyValueModel(), [
 *   { client: 'a', input: { type: 'put', key: 'x', value: 1 }, invoked: 0, returned: 1,
 *     output: false },
 *   { client: 'b', input: { type: 'get', key: 'x' }, invoked: 2, returned: 3, output: 1 },
 * ])
 */
export function keyValueModel(): Model<KeyValue, KeyValueInput, KeyValueOutput> {
  return {
    init: null,
    partition: ({ key }) => key,
    step(state, input, output) {
      switch (input.type) {
        case 'get':
          return output === undefined || output === state ? [state] : []
        case 'put':
          return tells(output, state !== null) ? [input.value] : []
        case 'delete':
          return tells(output, state !== null) ? [null] : []
        case 'cas': {
          const puts = state === input.from
          if (output !== undefined && output !== puts) return []
          return [puts ? input.to : state]
        }
      }
    },
    reads: ({ type }, output) =>
      type === 'get' || ((type === 'cas' || type === 'delete') && output === false),
    describe(input, output) {
      const { key, type } = input
      switch (type) {
        case 'get':
        case 'delete':
          return withAnswer(`${type} ${key}`, output)
        case 'put':
          return withAnswer(`put ${key} ${show(input.value)}`, output)
        case 'cas':
          return withAnswer(`cas ${key} ${show(input.from)} to ${show(input.to)}`, output)
      }
    },
  }
}

/** Whether an answer about what was there agrees with it, if it says anything. */
function tells(output: KeyValueOutput | undefined, existed: boolean): boolean {
  return output === undefined || output === null || output === existed
}
