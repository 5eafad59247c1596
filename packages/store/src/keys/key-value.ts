/**
 * The id of a lease: 1 to 2^63 - 1, as etcd's clients choose it. 0n stands for no lease.
 */
export type LeaseId = bigint

/**
 * A key: its bytes as text of one byte a character, which keeps their order. `keyOf` makes one.
 */
export type Key = string

/** As the end of a range: there is none. */
export const NO_END = '\0'

/** A key with its value, and where both come from. */
export interface KeyValue {
  readonly key: Key
  readonly value: Uint8Array
  /** The revision that created the key, after it was deleted the last time. */
  readonly createRevision: number
  /** The revision that put this value. */
  readonly modRevision: number
  /** How often the key was put since it was created, from 1. */
  readonly version: number
  readonly lease: LeaseId
}

/** What one revision did to one key. */
export interface KeyEvent {
  readonly type: 'put' | 'delete'
  /** After a deletion it has the key and `modRevision`; all else is empty or 0. */
  readonly kv: KeyValue
}

/** The bytes of a key; text is taken as UTF-8. */
export function keyOf(key: string | Uint8Array): Key {
  return typeof key === 'string'
    ? Buffer.from(key).toString('latin1')
    : Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
}

/** The end of the range of all keys that begin with a prefix. */
export function prefixEnd(prefix: Key): Key {
  for (let last = prefix.length - 1; last >= 0; last--) {
    const code = prefix.charCodeAt(last)
    if (code < 0xff) return prefix.slice(0, last) + String.fromCharCode(code + 1)
  }
  return NO_END
}
