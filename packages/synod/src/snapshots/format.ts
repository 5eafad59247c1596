import { readBallot, writeBallot } from '../bytes/paxos.js'
import { crc32 } from '../bytes/checksum.js'
import { MalformedError, Reader } from '../bytes/reader.js'
import { Writer } from '../bytes/writer.js'
import { type ClusterId, readClusterId, writeClusterId } from '../cluster/cluster-id.js'
import { type ClusterParameters, readParameters, writeParameters } from '../cluster/parameters.js'
import type { Ballot, Slot } from '../paxos/ballot.js'

const MAGIC = Buffer.from('SYNODSNP')
const VERSION = 2

/** Magic, version and size: what a header of every version begins with. */
const FIXED_BYTES = MAGIC.length + 8
const CHECKSUM_BYTES = 4

/** A header has at most this many bytes. */
export const MAX_HEADER_BYTES = 1024

/** A part has at most this many bytes. */
export const MAX_PART_BYTES = 2 << 20

/** Checksum of all that follows in the frame, length of the part, kind of the part. */
export const FRAME_BYTES = 9

const END = 0
const KINDS = ['meta', 'sessions', 'state'] as const
/** A count of the frames before it. */
const END_BYTES = 8

/** What a snapshot is made of: a piece of the state, or of what goes with it. */
export interface SnapshotFilePart {
  readonly kind: (typeof KINDS)[number]
  readonly bytes: Uint8Array
}

/** Whose snapshot it is. */
export interface SnapshotOwner {
  /** The name of the cluster. */
  readonly cluster: string
  readonly clusterId: ClusterId | null
  readonly parameters: ClusterParameters
}

/**
 * What a snapshot says of itself in its first bytes, byte by byte in docs/concepts/snapshots.md.
 */
export interface SnapshotHeader extends SnapshotOwner {
  /** It holds the state after every slot up to this one. */
  readonly slot: Slot
  /**
   * The server that took it has given no promise or vote at a higher ballot: a new cluster made of
   * it begins above.
   */
  readonly ballot: Ballot
}

/** A snapshot that is not whole, or not what it should be. */
export class SnapshotFault extends Error {
  override readonly name = 'SnapshotFault'
}

/** Another version of Synod wrote it: nothing is known of what is in it. */
export class OtherVersion extends SnapshotFault {}

export function encodeSnapshotHeader({
  ballot,
  slot,
  cluster,
  clusterId,
  parameters,
}: SnapshotHeader): Buffer {
  const writer = new Writer()
  writer.raw(MAGIC)
  writer.u32(VERSION)
  const size = writer.skipU32()
  writer.f64(slot)
  writer.string(cluster)
  writeClusterId(writer, clusterId)
  writeParameters(writer, parameters)
  writeBallot(writer, ballot)
  writer.setU32(size, writer.length + CHECKSUM_BYTES)
  writer.u32(crc32(writer.view()))
  return writer.take()
}

/** The header that `bytes` begin with, and where the frames begin. Throws a SnapshotFault. */
export function decodeSnapshotHeader(bytes: Buffer): SnapshotHeader & { readonly sizeBytes: number } {
  try {
    const reader = new Reader(bytes)
    if (!reader.raw(MAGIC.length).equals(MAGIC)) throw new SnapshotFault('this is no snapshot')
    const version = reader.u32()
    const sizeBytes = reader.u32()
    if (sizeBytes < FIXED_BYTES + CHECKSUM_BYTES || sizeBytes > MAX_HEADER_BYTES)
      throw new SnapshotFault(`a header of ${sizeBytes} bytes`)
    const checked = reader.raw(sizeBytes - FIXED_BYTES - CHECKSUM_BYTES)
    if (reader.u32() !== crc32(bytes, 0, sizeBytes - CHECKSUM_BYTES))
      throw new SnapshotFault('the checksum of its header is wrong')
    if (version !== VERSION)
      throw new OtherVersion(`it has format version ${version}; this version of Synod reads ${VERSION}`)
    const fields = new Reader(checked)
    const slot = fields.f64()
    const cluster = fields.string()
    const clusterId = readClusterId(fields)
    const parameters = readParameters(fields)
    const ballot = readBallot(fields)
    fields.end()
    if (!Number.isSafeInteger(slot) || slot < 1) throw new SnapshotFault(`it says that it is of slot ${slot}`)
    return { slot, cluster, clusterId, parameters, ballot, sizeBytes }
  } catch (error) {
    if (error instanceof MalformedError) throw new SnapshotFault('it ends within its header')
    throw error
  }
}

/** Throws a RangeError for a part that is empty or too large. */
export function writePart(writer: Writer, { kind, bytes }: SnapshotFilePart): void {
  if (bytes.length === 0 || bytes.length > MAX_PART_BYTES)
    throw new RangeError(`a part of a snapshot has 1 to ${MAX_PART_BYTES} bytes, not ${bytes.length}`)
  writeFrame(writer, KINDS.indexOf(kind) + 1, bytes)
}

/** What shows that nothing is missing. */
export function writeEnd(writer: Writer, frames: number): void {
  const bytes = Buffer.alloc(END_BYTES)
  bytes.writeDoubleLE(frames)
  writeFrame(writer, END, bytes)
}

function writeFrame(writer: Writer, kind: number, bytes: Uint8Array): void {
  const start = writer.skipU32()
  writer.u32(bytes.length)
  writer.u8(kind)
  writer.raw(bytes)
  writer.setU32(start, writer.crc32(start + 4))
}

/** A frame as found: a part, or the end, with the number of frames that there were. */
export type Frame = SnapshotFilePart | { readonly kind: 'end'; readonly frames: number }

/**
 * The frame that `bytes` begin with, and what it takes; undefined if more must be there first. The
 * part is a view of the bytes. Throws a SnapshotFault.
 */
export function readFrame(bytes: Buffer): { readonly frame: Frame; readonly sizeBytes: number } | undefined {
  if (bytes.length < FRAME_BYTES) return undefined
  const length = bytes.readUInt32LE(4)
  if (length === 0 || length > MAX_PART_BYTES) throw new SnapshotFault(`a part of ${length} bytes`)
  const sizeBytes = FRAME_BYTES + length
  if (bytes.length < sizeBytes) return undefined
  if (crc32(bytes, 4, sizeBytes) !== bytes.readUInt32LE(0))
    throw new SnapshotFault('the checksum of a part is wrong')
  const tag = bytes.readUInt8(8)
  const content = bytes.subarray(FRAME_BYTES, sizeBytes)
  if (tag === END) {
    if (length !== END_BYTES) throw new SnapshotFault(`an end of ${length} bytes`)
    return { frame: { kind: 'end', frames: content.readDoubleLE() }, sizeBytes }
  }
  const kind = KINDS[tag - 1]
  if (kind === undefined) throw new SnapshotFault(`unknown kind of part: ${tag}`)
  return { frame: { kind, bytes: content }, sizeBytes }
}
