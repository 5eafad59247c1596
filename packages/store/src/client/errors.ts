import type { Refused } from '../operations/operations.js'

/** `lease-lost`, `lock-lost` and `leadership-lost`: a guarantee has ended. */
export type StoreErrorCode = Refused | 'lease-lost' | 'lock-lost' | 'leadership-lost' | 'wrong-machine'

const MESSAGES: Readonly<Record<Refused, string>> = {
  compacted: 'the revision is compacted: it cannot be read or watched any more',
  'future-revision': 'the revision is yet to come',
  'key-not-found': 'the key is not there, and its value or lease was to be kept',
  'empty-key': 'a key must not be empty',
  'key-too-long': 'a key has at most 65535 bytes',
  'duplicate-key': 'a transaction changes a key only once',
  'too-many-operations': 'a transaction has at most 128 compares, and as many operations a branch',
  'too-large': 'the answer would be larger than 8 MiB: read in parts',
  'not-an-integer': 'the value of the key is no decimal integer',
  'out-of-range': 'the sum has more than 100 digits',
  'lease-not-found': 'the lease is not there: it has ended, or never was',
  'lease-exists': 'there is a lease with this id',
  'invalid-lease': 'the id of a lease is 1 to 2^63 - 1',
  'invalid-ttl': 'the time to live of a lease is a whole number of seconds up to 9000000000',
  'invalid-quota': 'the quota is 64 KiB to 1 TiB',
  'no-space': 'the store is full: delete and compact, or raise its quota',
  writes: 'a transaction that is read must not write',
}

/**
 * What the store refused, or a guarantee that has ended. Where the cluster could not be reached, or
 * the outcome is unknown, calls reject with a SynodError.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export function refusal(reason: Refused): StoreError {
  return new StoreError(reason, MESSAGES[reason])
}
