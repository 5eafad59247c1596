/** Freezes a value with all that it holds, but bytes, which cannot be frozen. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value))
    return value
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
  if (value instanceof Map || value instanceof Set) for (const part of value) deepFreeze(part)
  return value
}
