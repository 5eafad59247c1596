import { isUtf8 } from 'node:buffer'
import { CliError } from './cli-error.js'

/** How keys and values are written in arguments, and printed. */
export const ENCODINGS = ['utf8', 'hex', 'base64'] as const

export type Encoding = (typeof ENCODINGS)[number]

/**
 * The bytes of an argument. `what` names it in errors. Throws `usage` for text that is not in that
 * encoding.
 */
export function decodeArgument(text: string, encoding: Encoding, what: string): Buffer {
  const bytes = Buffer.from(text, encoding)
  // Node decodes up to the first character that is not in the encoding, and drops the rest.
  if (encoding !== 'utf8' && bytes.toString(encoding) !== (encoding === 'hex' ? text.toLowerCase() : text))
    throw new CliError('usage', `the ${what} is not ${encoding}: '${text}'`)
  return bytes
}

/** A key from its bytes. Throws `usage` if they are not text. */
export function keyText(bytes: Buffer, what: string): string {
  if (isUtf8(bytes)) return bytes.toString()
  throw new CliError('usage', `a ${what} is text in UTF-8, and these bytes are not: ${bytes.toString('hex')}`)
}

/** Bytes for stdout: unchanged in utf8, otherwise as text in the encoding. */
export function encodeBytes(value: Uint8Array, encoding: Encoding): Uint8Array | string {
  return encoding === 'utf8' ? value : bufferOf(value).toString(encoding)
}

export function encodeText(text: string, encoding: Encoding): string {
  return encoding === 'utf8' ? text : Buffer.from(text).toString(encoding)
}

/** A key in the form of messages. */
export function shownKey(key: string, encoding: Encoding): string {
  return encoding === 'utf8' ? `'${key}'` : `${encoding} ${encodeText(key, encoding)}`
}

/** A key for JSON, as `key`, `key_hex` or `key_base64`. */
export function keyDocument(key: string, encoding: Encoding): Readonly<Record<string, string>> {
  return { [fieldName('key', encoding)]: encodeText(key, encoding) }
}

/**
 * A value for JSON, as `value_hex` or `value_base64`; in utf8 as `value`, unless its bytes are not
 * UTF-8.
 */
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
