/**
 * Reads a value of a trace as Quint writes it: numbers, sets (as arrays, numbers in order), maps
 * and records. The format is the Informal Trace Format of Apalache (ADR 015).
 */
export function readItf(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json
  if (Array.isArray(json)) return json.map(readItf)
  if ('#bigint' in json) return Number(json['#bigint'])
  if ('#tup' in json) return readItf(json['#tup'])
  if ('#set' in json) return (readItf(json['#set']) as unknown[]).toSorted((a, b) => Number(a) - Number(b))
  if ('#map' in json) return new Map(readItf(json['#map']) as [unknown, unknown][])
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, readItf(value)]))
}
