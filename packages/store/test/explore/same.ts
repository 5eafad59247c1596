import { isDeepStrictEqual } from 'node:util'

/** Throws unless two values are the same; bytes of any class are alike. */
export function same(what: string, seen: unknown, expected: unknown): void {
  if (isDeepStrictEqual(plain(seen), plain(expected))) return
  throw new Error(`${what}: ${shownOf(seen)}\ninstead of ${shownOf(expected)}`)
}

export function shownOf(value: unknown): string {
  return JSON.stringify({ value: plain(value) }, (_, field: unknown) =>
    typeof field === 'bigint' ? `${String(field)}n` : field,
  )
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('latin1')}`
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]))
}
