import { SynodError } from 'synod'
import { MAX_KEY_BYTES } from './limits.js'

/** Matches half of a surrogate pair: it has no UTF-8, and would turn into something else. */
const LONE_SURROGATE = /\p{Surrogate}/u

/** The size of a key in bytes. Throws SynodError `invalid-options` for what is none. */
export function keySize_bytes(key: string): number {
  const size_bytes = textSize_bytes(key)
  if (size_bytes === 0) throw new SynodError('invalid-options', 'a key must not be empty')
  return size_bytes
}

/** As `keySize_bytes`, of a prefix or of nothing, which may be empty. */
export function textSize_bytes(text: string): number {
  if (typeof text !== 'string')
    throw new SynodError('invalid-options', `a key must be text, not ${typeof text}`)
  const size_bytes = Buffer.byteLength(text)
  if (size_bytes > MAX_KEY_BYTES) {
    throw new SynodError('invalid-options', `a key has at most ${MAX_KEY_BYTES} bytes, not ${size_bytes}`)
  }
  requireText(text, 'key')
  return size_bytes
}

/** Throws SynodError `invalid-options` for text that has no UTF-8. */
export function requireText(text: string, what: 'key' | 'value'): void {
  if (LONE_SURROGATE.test(text))
    throw new SynodError('invalid-options', `a ${what} is text, and this one has half a surrogate pair`)
}
