import { SESSION_KEY_BYTES, type SessionKey, newSessionKey } from '../../src/machine/session-key.js'

/** The key of a session, by a number. */
export function keyOf(number: number): SessionKey {
  return newSessionKey((size) => {
    const bytes = Buffer.alloc(size)
    bytes.writeUIntBE(number, SESSION_KEY_BYTES - 6, 6)
    return bytes
  })
}
