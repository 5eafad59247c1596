import { type Key, type KeyValue, type LeaseId, NO_END, keyOf, prefixEnd } from '../keys/key-value.js'
import type { KeyRange } from '../operations/operations.js'

/** A key or value: bytes, or text that stands for its UTF-8. */
export type Bytes = string | Uint8Array

/** A key with its value, and where both come from. */
export interface Entry {
  readonly key: Buffer
  readonly value: Buffer
  /** The revision that created the key, after it was deleted the last time. */
  readonly createRevision: number
  /** The revision that put this value. */
  readonly modRevision: number
  /** How often the key was put since it was created, from 1. */
  readonly version: number
  /** 0n for none. */
  readonly lease: LeaseId
}

/**
 * Which keys: one, all with a prefix, those from one up to but without another, or those from one
 * on. An empty prefix is that of all keys.
 */
export type Keys =
  Bytes | { readonly prefix: Bytes } | { readonly from: Bytes; readonly to?: Bytes | undefined }

export function rangeOf(keys: Keys): KeyRange {
  if (typeof keys === 'string' || keys instanceof Uint8Array) return { key: keyOf(keys), end: '' }
  if ('prefix' in keys) {
    const prefix = keyOf(keys.prefix)
    return prefix === '' ? { key: '\0', end: NO_END } : { key: prefix, end: prefixEnd(prefix) }
  }
  return { key: keyOf(keys.from), end: keys.to === undefined ? NO_END : keyOf(keys.to) }
}

export function bytesOf(value: Bytes): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value) : value
}

export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

export function bufferOfKey(key: Key): Buffer {
  return Buffer.from(key, 'latin1')
}

export function entryOf({ key, value, ...rest }: KeyValue): Entry {
  return { key: bufferOfKey(key), value: bufferOf(value), ...rest }
}
