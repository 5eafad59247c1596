import type { Writer } from '../bytes/writer.js'
import { SynodError } from '../errors.js'

/** The version of everything that follows the preamble. Any change to the bytes raises it. */
export const PROTOCOL_VERSION = 2

/** What a connection is for: a server's messages to another server, or a client's requests. */
export type ConnectionKind = 'peer' | 'client'

export const PREAMBLE_BYTES = 6

const MAGIC = Buffer.from('SYND', 'latin1')
const KIND_TAGS = { peer: 1, client: 2 } as const satisfies Record<ConnectionKind, number>

/** The first bytes that each side sends. Their layout is the same in all versions of the protocol. */
export function writePreamble(writer: Writer, kind: ConnectionKind): void {
  writer.raw(MAGIC)
  writer.u8(PROTOCOL_VERSION)
  writer.u8(KIND_TAGS[kind])
}

/**
 * Checks the other side's preamble.
 *
 * @throws SynodError `wrong-protocol`: it is not Synod, or another version, or not of this `kind`.
 */
export function checkPreamble(bytes: Buffer, kind: ConnectionKind): void {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new SynodError('wrong-protocol', 'the other side does not speak the Synod protocol')
  }
  const version = bytes[4]
  if (version !== PROTOCOL_VERSION) {
    throw new SynodError(
      'wrong-protocol',
      `the other side speaks version ${version} of the protocol, this side version ${PROTOCOL_VERSION}`,
    )
  }
  if (bytes[5] !== KIND_TAGS[kind]) {
    throw new SynodError('wrong-protocol', `the other side did not open a ${kind} connection`)
  }
}
