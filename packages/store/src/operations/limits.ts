/** The longest key. */
export const MAX_KEY_BYTES = 65_535

/** The most compares, or operations of a branch, of one transaction, nested ones included. */
export const MAX_TXN_OPERATIONS = 128

/** The most that one result or answer may hold of keys and values. */
export const MAX_READ_BYTES = 8 << 20

/** A range is answered with at most this much of keys and values, or with its first pair alone. */
export const MAX_ANSWER_BYTES = 1 << 20

/** The most digits of an integer that is counted with. */
export const MAX_INTEGER_DIGITS = 100

/** The quota unless another one is set, and the smallest and the largest that can be set. */
export const DEFAULT_QUOTA_BYTES = 2 * 2 ** 30
export const MIN_QUOTA_BYTES = 1 << 16
export const MAX_QUOTA_BYTES = 2 ** 40
