/**
 * A text that is equal for two plain values of the same structure only: primitives but symbols;
 * arrays, maps, sets, byte arrays and objects of plain values. The order in objects, maps and sets
 * does not matter. Throws TypeError for other values, such as instances of classes.
 */
export function structuralKey(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'bigint':
      return `${value}n`
    case 'boolean':
    case 'undefined':
      return String(value)
    case 'object':
      return value === null ? 'null' : keyOfObject(value)
    case 'function':
    case 'symbol':
      throw notPlain(value)
  }
}

function keyOfObject(value: object): string {
  if (Array.isArray(value)) return `[${Array.from(value, structuralKey).join()}]`
  if (value instanceof Uint8Array) return `bytes[${value.join()}]`
  if (value instanceof Set) return `set{${[...value].map(structuralKey).sort().join()}}`
  if (value instanceof Map) return `map{${keyOfPairs(value)}}`
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw notPlain(value)
  return `{${keyOfPairs(Object.entries(value))}}`
}

function keyOfPairs(pairs: Iterable<readonly [unknown, unknown]>): string {
  return Array.from(pairs, ([name, value]) => `${structuralKey(name)}:${structuralKey(value)}`)
    .sort()
    .join()
}

function notPlain(value: unknown): TypeError {
  const what = typeof value === 'object' ? (value?.constructor.name ?? 'object') : typeof value
  return new TypeError(`a ${what} is not a plain value`)
}
