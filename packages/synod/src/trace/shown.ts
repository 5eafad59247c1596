import { requestsIn } from '../machine/batch.js'
import type { Request } from '../machine/request.js'
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
 * A value of a slot: of each request, in order, a command as `#` and its tag, `open`, `change`; or
 * `no-op`, or in hexadecimal what is none of these.
 */
export function showValue(value: Value, tagOf: TagOf): string {
  if (value.length === 0) return 'no-op'
  const requests = requestsIn(value)
  if (requests.length === 0) return hexadecimal(value)
  return requests
    .map((request) => (request.kind === 'command' ? `#${tagOf(request)}` : request.kind))
    .join(' ')
}

export function hexadecimal(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}
