import { crc32 } from '../../bytes/checksum.js'
import type { Writer } from '../../bytes/writer.js'
import { type VersionRange, newestInBoth, rangeWords } from '../../cluster/versions.js'
import { SynodError } from '../../errors.js'

/**
 * The versions of the protocol that this build speaks: of everything that follows the preamble.
 * Each is from 1 to 255.
 */
export const PROTOCOLS: VersionRange = { oldest: 2, newest: 2 }

/** What a connection is for: a server's messages to another server, or a client's requests. */
export type ConnectionKind = 'peer' | 'client'

export const PREAMBLE_BYTES = 11
const CHECKED_BYTES = 7

const MAGIC = Buffer.from('SYND', 'latin1')
const KIND_TAGS = { peer: 1, client: 2 } as const satisfies Record<ConnectionKind, number>

/**
 * The first bytes that each side sends. Their layout is the same in all versions of the protocol.
 */
export function writePreamble(writer: Writer, kind: ConnectionKind, { newest, oldest } = PROTOCOLS): void {
  const start = writer.length
  writer.raw(MAGIC)
  writer.u8(oldest)
  writer.u8(newest)
  writer.u8(KIND_TAGS[kind])
  writer.u32(writer.crc32(start))
}

/**
 * Checks the other side's preamble, and returns the versions that it speaks, of which this side
 * speaks at least one.
 *
 * @throws SynodError `wrong-protocol`: it is garbled, of another kind, or of no version of `ours`.
 */
export function readPreamble(bytes: Buffer, kind: ConnectionKind, ours = PROTOCOLS): VersionRange {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new SynodError('wrong-protocol', 'the other side does not speak the Synod protocol')
  }
  if (crc32(bytes, 0, CHECKED_BYTES) !== bytes.readUInt32LE(CHECKED_BYTES))
    throw new SynodError('wrong-protocol', 'wrong checksum of the preamble')
  const theirs = { oldest: bytes.readUInt8(4), newest: bytes.readUInt8(5) }
  if (newestInBoth(ours, theirs) === undefined) {
    throw new SynodError(
      'wrong-protocol',
      `the other side speaks ${rangeWords(theirs)} of the protocol, this side ${rangeWords(ours)}`,
    )
  }
  if (bytes[6] !== KIND_TAGS[kind]) {
    throw new SynodError('wrong-protocol', `the other side did not open a ${kind} connection`)
  }
  return theirs
}
