import type { Reader } from '../bytes/reader.js'
import type { Writer } from '../bytes/writer.js'

export const SESSION_KEY_BYTES = 16

/**
 * 128 random bits that the client draws for a session, as 32 hexadecimal digits in lower case. A
 * session is found by its key alone, so only a client that knows the key can use the session: it
 * belongs into no log, trace or message to others.
 */
export type SessionKey = string

/** `randomBytes` must not be predictable. */
export function newSessionKey(randomBytes: (size: number) => Uint8Array): SessionKey {
  return Buffer.from(randomBytes(SESSION_KEY_BYTES)).toString('hex')
}

export function writeSessionKey(writer: Writer, key: SessionKey): void {
  writer.raw(Buffer.from(key, 'hex'))
}

/** Throws MalformedError. */
export function readSessionKey(reader: Reader): SessionKey {
  return reader.raw(SESSION_KEY_BYTES).toString('hex')
}
