import { readBallot } from '../bytes/paxos.js'
import { MalformedError, type Reader } from '../bytes/reader.js'
import type { Writer } from '../bytes/writer.js'
import { type Ballot, MAX_SEQ, MAX_SERVER_ID, type ServerId, type Slot } from '../paxos/ballot.js'

/** Slots stop here, so that a slot plus a count is still an exact integer. */
const MAX_ORDINAL = 2 ** 52

/** As many servers as any list of them names. */
export const MAX_MEMBERS = 255

export function readServer(reader: Reader): ServerId {
  const server = readServerOrNone(reader)
  if (server === 0) throw new MalformedError('server 0 where there must be one')
  return server
}

/** A server, or 0 for none. */
export function readServerOrNone(reader: Reader): ServerId {
  const server = reader.varint()
  if (server > MAX_SERVER_ID) throw new MalformedError(`server ${server} out of range`)
  return server
}

/** A slot of the log, or 0 for "none yet". */
export function readSlotOrNone(reader: Reader): Slot {
  const slot = reader.varint()
  if (slot > MAX_ORDINAL) throw new MalformedError(`slot ${slot} out of range`)
  return slot
}

/** A slot of the log. */
export function readSlot(reader: Reader): Slot {
  const slot = readSlotOrNone(reader)
  if (slot === 0) throw new MalformedError('slot 0 where there must be one')
  return slot
}

/** The last slot of a range, written as its distance from the first. */
export function readLast(reader: Reader, first: Slot): Slot {
  const last = first + readSlotOrNone(reader)
  if (last > MAX_ORDINAL) throw new MalformedError(`slot ${last} out of range`)
  return last
}

/** A ballot that a server proposes with, or the zero ballot. */
export function readBallotOrZero(reader: Reader): Ballot {
  const ballot = readBallot(reader)
  const { seq, server } = ballot
  const valid = seq === 0 ? server === 0 : seq <= MAX_SEQ && server >= 1 && server <= MAX_SERVER_ID
  if (!valid) throw new MalformedError(`ballot (${seq}, s${server}) out of range`)
  return ballot
}

/** A ballot that a server proposes with. */
export function readProposedBallot(reader: Reader): Ballot {
  const ballot = readBallotOrZero(reader)
  if (ballot.seq === 0) throw new MalformedError('the zero ballot where there must be one')
  return ballot
}

/** Writes a text, cut after the last whole character that fits into `limitBytes`. */
export function writeText(writer: Writer, text: string, limitBytes: number): void {
  if (Buffer.byteLength(text) <= limitBytes) {
    writer.string(text)
  } else {
    // Not encodeInto: that of Node 26 leaves out a last character that would fit.
    const bytes = Buffer.from(text)
    let end = limitBytes
    while (isContinuation(bytes[end])) end--
    writer.bytes(bytes.subarray(0, end))
  }
}

/** Whether a byte of UTF-8 is not the first of its character. */
function isContinuation(byte = 0): boolean {
  return (byte & 0xc0) === 0x80
}

export function readText(reader: Reader, limitBytes: number): string {
  const bytes = reader.bytes()
  if (bytes.length > limitBytes) throw new MalformedError(`a text of ${bytes.length} bytes`)
  return bytes.toString('utf8')
}
