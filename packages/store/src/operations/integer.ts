import { MAX_INTEGER_DIGITS } from './limits.js'

const INTEGER = /^-?[0-9]+$/

/** The decimal integer that bytes spell; undefined if they spell none, or one that is too long. */
export function integerOf(bytes: Uint8Array): bigint | undefined {
  if (bytes.length === 0 || bytes.length > MAX_INTEGER_DIGITS + 1) return undefined
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  return INTEGER.test(text) && isInRange(BigInt(text)) ? BigInt(text) : undefined
}

export function isInRange(value: bigint): boolean {
  return (value < 0n ? -value : value).toString().length <= MAX_INTEGER_DIGITS
}
