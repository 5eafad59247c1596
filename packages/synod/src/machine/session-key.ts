import { Reader } from '../bytes/reader.js'
import type { Writer } from '../bytes/writer.js'

export const SESSION_KEY_BYTES = 16

/**
 * 128 random bits that the client draws for a session, as text of one byte a character, which is
 * made fast. Only a client that knows the key can use the session: it belongs into no log, trace or
 * message to others.
 */
export type SessionKey = string

/** `randomBytes` must not be predictable. */
export function newSessionKey(randomBytes: (size: number) => Uint8Array): SessionKey {
  return Buffer.from(randomBytes(SESSION_KEY_BYTES)).toString('latin1')
}

export function writeSessionKey(writer: Writer, key: SessionKey): void {
  writer.latin1(key)
}

/** Throws MalformedError. */
export function readSessionKey(reader: Reader): SessionKey {
  return reader.latin1(SESSION_KEY_BYTES)
}

/** The key that stands in these bytes, from `start` on. */
export function sessionKeyAt(bytes: Uint8Array, start: number): SessionKey {
  return readSessionKey(new Reader(bytes.subarray(start, start + SESSION_KEY_BYTES)))
}

/** Whether this key stands there. */
export function isSessionKeyAt(bytes: Uint8Array, start: number, key: SessionKey): boolean {
  for (let at = 0; at < SESSION_KEY_BYTES; at++) if (bytes[start + at] !== key.charCodeAt(at)) return false
  return true
}
