/** A key is UTF-8 text of 1 byte to this many; a prefix may also be empty. */
export const MAX_KEY_BYTES = 1024

/** How many pairs a range answers with unless it is told. */
export const DEFAULT_RANGE_LIMIT = 1000

/** The most pairs that a range can be asked for. */
export const MAX_RANGE_LIMIT = 10_000

/** A range answers with at most this many bytes of pairs, unless its first pair alone is larger. */
export const MAX_RANGE_BYTES = 1 << 20

/** An integer that is counted with has at most this many digits: arithmetic on it is quick. */
export const MAX_INTEGER_DIGITS = 100
