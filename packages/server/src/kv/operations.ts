/** What changes the store. Keys have 1 to `MAX_KEY_BYTES` bytes; values are any bytes. */
export type KvCommand =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: string }
  | {
      readonly type: 'cas'
      readonly key: string
      /** The value that the key must have; null if it must not be there. */
      readonly expected: Uint8Array | null
      readonly value: Uint8Array
    }
  | { readonly type: 'increment'; readonly key: string; readonly by: bigint }

/** The result of a command, under the command's own type. */
export type KvResult =
  | { readonly type: 'put'; readonly existed: boolean }
  | { readonly type: 'delete'; readonly existed: boolean }
  | {
      readonly type: 'cas'
      readonly swapped: boolean
      /** What the key had before; null if it was not there. */
      readonly actual: Uint8Array | null
    }
  | { readonly type: 'increment'; readonly done: true; readonly value: bigint }
  | { readonly type: 'increment'; readonly done: false; readonly reason: IncrementRefusal }

/**
 * Why an increment changed nothing.
 * - `not-an-integer`: the value is not a decimal integer of at most `MAX_INTEGER_DIGITS` digits.
 * - `out-of-range`: the sum would have more digits than that.
 */
export type IncrementRefusal = 'not-an-integer' | 'out-of-range'

/** What asks the store and does not change it. */
export type KvQuery =
  | { readonly type: 'get'; readonly key: string }
  | {
      readonly type: 'range'
      /** Empty for all keys. */
      readonly prefix: string
      /** Only keys that come after this one; empty for all. */
      readonly after: string
      /** 1 to `MAX_RANGE_LIMIT`. */
      readonly limit: number
      /** Answer with empty values. */
      readonly keysOnly: boolean
    }

export type KvAnswer =
  | { readonly type: 'get'; readonly value: Uint8Array | null }
  | {
      readonly type: 'range'
      /**
       * In the order of their keys, which is that of JavaScript's strings: by UTF-16 code units.
       */
      readonly pairs: readonly KvPair[]
      /** There are more behind the last one; ask again with its key as `after`. */
      readonly more: boolean
    }

export interface KvPair {
  readonly key: string
  readonly value: Uint8Array
}
