import type { SessionKey } from '../../src/machine/session-key.js'

/** The key of a session, by a number. */
export function keyOf(number: number): SessionKey {
  return number.toString(16).padStart(32, '0')
}
