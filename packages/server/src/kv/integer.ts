import { MAX_INTEGER_DIGITS } from './limits.js'

const INTEGER = new RegExp(`^-?[0-9]{1,${MAX_INTEGER_DIGITS}}$`)
const BOUND = 10n ** BigInt(MAX_INTEGER_DIGITS)

/** Reads a decimal integer of at most `MAX_INTEGER_DIGITS` digits; null if the text is none. */
export function parseInteger(text: string): bigint | null {
  return INTEGER.test(text) ? BigInt(text) : null
}

/** As `parseInteger`, of text in bytes. */
export function parseIntegerBytes(bytes: Uint8Array): bigint | null {
  // One more for the sign. What is longer is not even looked at.
  if (bytes.length > MAX_INTEGER_DIGITS + 1) return null
  return parseInteger(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'))
}

/** Whether an integer has at most `MAX_INTEGER_DIGITS` digits. */
export function isInRange(integer: bigint): boolean {
  return -BOUND < integer && integer < BOUND
}
