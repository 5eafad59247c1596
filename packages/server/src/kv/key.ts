import { SynodError } from 'synod'
import { MAX_KEY_BYTES } from './limits.js'

/** Matches half of a surrogate pair: it has no UTF-8, and would turn into something else. */
const LONE_SURROGATE = /\p{Surrogate}/u

/** The size of a key in bytes. Throws SynodError `invalid-options` for what is none. */
export function keySizeBytes(key: string): number {
  const sizeBytes = textSizeBytes(key)
  if (sizeBytes === 0) throw new SynodError('invalid-options', 'a key must not be empty')
  return sizeBytes
}

/** As `keySizeBytes`, of a prefix or of nothing, which may be empty. */
export function textSizeBytes(text: string): number {
  if (typeof text !== 'string')
    throw new SynodError('invalid-options', `a key must be text, not ${typeof text}`)
  const sizeBytes = Buffer.byteLength(text)
  if (sizeBytes > MAX_KEY_BYTES) {
    throw new SynodError('invalid-options', `a key has at most ${MAX_KEY_BYTES} bytes, not ${sizeBytes}`)
  }
  requireText(text, 'key')
  return sizeBytes
}

/** Throws SynodError `invalid-options` for text that has no UTF-8. */
export function requireText(text: string, what: 'key' | 'value'): void {
  if (LONE_SURROGATE.test(text))
    throw new SynodError('invalid-options', `a ${what} is text, and this one has half a surrogate pair`)
}
