import { isUtf8 } from 'node:buffer'
import { CliError } from './cli-error.js'

/** How keys and values are written in arguments, and printed. */
export const ENCODINGS = ['utf8', 'hex', 'base64'] as const

export type Encoding = (typeof ENCODINGS)[number]

/** The bytes that an argument stands for. `what` names it. Throws `usage` for what is not in that encoding. */
export function decodeArgument(text: string, encoding: Encoding, what: string): Buffer {
  const bytes = Buffer.from(text, encoding)
  // Node stops at the first character that does not fit.
  if (encoding !== 'utf8' && bytes.toString(encoding) !== (encoding === 'hex' ? text.toLowerCase() : text))
    throw new CliError('usage', `the ${what} is not ${encoding}: '${text}'`)
  return bytes
}

/** A key from its bytes. Throws `usage` if they are not text. */
export function keyText(bytes: Buffer, what: string): string {
  if (isUtf8(bytes)) return bytes.toString()
  throw new CliError('usage', `a ${what} is text in UTF-8, and these bytes are not: ${bytes.toString('hex')}`)
}

/** For stdout: the bytes as they are unless an encoding was asked for. */
export function encodeBytes(value: Uint8Array, encoding: Encoding): Uint8Array | string {
  return encoding === 'utf8' ? value : bufferOf(value).toString(encoding)
}

export function encodeText(text: string, encoding: Encoding): string {
  return encoding === 'utf8' ? text : Buffer.from(text).toString(encoding)
}

/** A key as messages name it. */
export function shownKey(key: string, encoding: Encoding): string {
  return encoding === 'utf8' ? `'${key}'` : `${encoding} ${encodeText(key, encoding)}`
}

/** Under `key`, or `key_hex` or `key_base64`. */
export function keyDocument(key: string, encoding: Encoding): Readonly<Record<string, string>> {
  return { [fieldName('key', encoding)]: encodeText(key, encoding) }
}

/** Under `value_hex` or `value_base64`; unless an encoding was asked for, as text under `value` if the bytes are UTF-8. */
export function valueDocument(value: Uint8Array, encoding: Encoding): Readonly<Record<string, string>> {
  const bytes = bufferOf(value)
  if (encoding === 'utf8' && !isUtf8(bytes)) return { value_base64: bytes.toString('base64') }
  return { [fieldName('value', encoding)]: bytes.toString(encoding) }
}

function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length)
}

function fieldName(name: string, encoding: Encoding): string {
  return encoding === 'utf8' ? name : `${name}_${encoding}`
}
