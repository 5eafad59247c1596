import { MalformedError } from '../bytes/reader.js'
import { type Request, decodeRequest } from '../machine/request.js'
import type { Value } from '../paxos/value.js'

/** By what a command is known again, wherever it turns up. */
export type TagOf = (request: Request) => number | string

/**
 * A copy as plain data, with bytes as `showBytes` has them. What JSON turns into something else by
 * itself stays as it is.
 */
export function toPlainData(it: unknown, showBytes: (bytes: Uint8Array) => string): unknown {
  if (it instanceof Uint8Array) return showBytes(it)
  if (typeof it === 'bigint') return it.toString()
  if (typeof it !== 'object' || it === null || 'toJSON' in it) return it
  if (Array.isArray(it)) return it.map((part) => toPlainData(part, showBytes))
  return Object.fromEntries(Object.entries(it).map(([key, part]) => [key, toPlainData(part, showBytes)]))
}

/**
 * A value of a slot: a command as `#` and its tag, `open`, `change`, `no-op`, or what is no request
 * in hexadecimal.
 */
export function showValue(value: Value, tagOf: TagOf): string {
  if (value.length === 0) return 'no-op'
  try {
    const request = decodeRequest(value)
    return request.kind === 'command' ? `#${tagOf(request)}` : request.kind
  } catch (error) {
    if (error instanceof MalformedError) return hexadecimal(value)
    throw error
  }
}

export function hexadecimal(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}
