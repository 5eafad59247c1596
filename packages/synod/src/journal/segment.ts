import { crc32 } from 'node:zlib'
import { readAcceptor, writeAcceptor } from '../bytes/acceptor.js'
import { MalformedError, Reader } from '../bytes/reader.js'
import { Writer } from '../bytes/writer.js'
import type { AcceptorId } from './identity.js'

const MAGIC = Buffer.from('SYNODJNL')
const VERSION = 2
const NAME = /^(\d{8})\.journal$/

/** Magic, version and size: what a header of every version begins with. */
const FIXED_BYTES = MAGIC.length + 8
const CHECKSUM_BYTES = 4

/** What a segment says of itself in its first bytes, byte by byte in docs/internals/journal.md. */
export interface SegmentHeader {
  /** Segments are numbered from 1 on, without gaps. */
  readonly number: number
  /** The first segment that is needed still: those before it have been trimmed. */
  readonly first: number
  /** The sequence of the first group in the segment. */
  readonly firstSequence: number
  readonly acceptor: AcceptorId
  readonly cluster: string
}

/** A header as found; `sizeBytes` is where the groups begin. */
export interface FoundHeader extends SegmentHeader {
  readonly sizeBytes: number
}

/** The header is whole, and of a version that is not known here. */
export class UnsupportedVersionError extends Error {
  override readonly name = 'UnsupportedVersionError'
}

export function segmentName(number: number): string {
  return `${String(number).padStart(8, '0')}.journal`
}

/** The numbers of the segments among the names of a directory, lowest first. */
export function segmentNumbers(names: readonly string[]): number[] {
  return names
    .map((name) => NAME.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => a - b)
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const writer = new Writer()
  writer.raw(MAGIC)
  writer.u32(VERSION)
  const size = writer.skipU32()
  writer.u32(header.number)
  writer.u32(header.first)
  writer.f64(header.firstSequence)
  writeAcceptor(writer, header.acceptor)
  writer.string(header.cluster)
  writer.setU32(size, writer.length + CHECKSUM_BYTES)
  writer.u32(crc32(writer.view()))
  return writer.take()
}

/**
 * The header of a segment, or null if there is no whole one. Throws an UnsupportedVersionError:
 * magic, version and size come first and the checksum last in every version, so that a later one is
 * told from damage.
 */
export function decodeSegmentHeader(segment: Buffer): FoundHeader | null {
  try {
    const reader = new Reader(segment)
    if (!reader.raw(MAGIC.length).equals(MAGIC)) return null
    const version = reader.u32()
    const sizeBytes = reader.u32()
    if (sizeBytes < FIXED_BYTES + CHECKSUM_BYTES || sizeBytes > segment.length) return null
    const checked = segment.subarray(0, sizeBytes - CHECKSUM_BYTES)
    if (segment.readUInt32LE(checked.length) !== crc32(checked)) return null
    if (version !== VERSION) {
      throw new UnsupportedVersionError(
        `the segment has format version ${version}, and this version of Synod reads ${VERSION}`,
      )
    }
    const fields = new Reader(checked.subarray(FIXED_BYTES))
    const number = fields.u32()
    const first = fields.u32()
    const firstSequence = fields.f64()
    const acceptor = readAcceptor(fields)
    const cluster = fields.string()
    fields.end()
    if (first < 1 || first > number) return null
    return { number, first, firstSequence, acceptor, cluster, sizeBytes }
  } catch (error) {
    if (error instanceof MalformedError) return null
    throw error
  }
}
