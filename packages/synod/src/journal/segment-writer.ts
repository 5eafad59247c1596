import { join } from 'node:path'
import type { Slot } from '../paxos/ballot.js'
import type { Disk, DiskFile } from './disk.js'
import type { Identity } from './identity.js'
import type { JournalEnd, KeptSegment } from './recovery.js'
import { encodeHeader, segmentName } from './segment.js'
import type { SegmentHeader } from './segment.js'

export interface SegmentWriterOptions {
  readonly disk: Disk
  readonly directory: string
  readonly identity: Identity
  /** A segment that has reached this size is followed by a new one. */
  readonly segmentSize_bytes: number
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
}

/**
 * Writes groups at the end of the last segment, one at a time. After a method has rejected, none may be
 * called but `close`: what is on the disk is then unknown.
 */
export class SegmentWriter {
  readonly #options: SegmentWriterOptions
  #file: DiskFile
  /** In order; the last one is being written. */
  readonly #segments: KeptSegment[]
  #size_bytes: number
  #nextSequence: number
  /** The one of the header, or of what was written last. */
  #fsyncs = 1
  #lastFsync_ms = 0
  /** The first segment that is needed, and whether the next one has yet to say so. */
  #first: number
  #isTrimming = false
  #removing: Promise<void> = Promise.resolve()

  private constructor(options: SegmentWriterOptions, file: DiskFile, end: Omit<JournalEnd, 'lastWritten'>) {
    this.#options = options
    this.#file = file
    this.#segments = [...end.segments]
    this.#first = end.segments[0]?.number ?? 1
    this.#size_bytes = end.size_bytes
    this.#nextSequence = end.nextSequence
  }

  /** Begins a journal with its first segment. */
  static async create(options: SegmentWriterOptions): Promise<SegmentWriter> {
    const { file, size_bytes } = await createSegment(options, { number: 1, first: 1, firstSequence: 1 })
    return new SegmentWriter(options, file, {
      segments: [{ number: 1, last: 0 }],
      size_bytes,
      nextSequence: 1,
    })
  }

  /**
   * Goes on where a journal ends; what is beyond is cut off. What was written last is written once more: if
   * its fsync failed or never was, it may be in memory only, where it was read from, and the system may
   * take it for written. Only what is written anew is sure to reach the disk with the next fsync.
   */
  static async resume(options: SegmentWriterOptions, end: JournalEnd): Promise<SegmentWriter> {
    const { disk, directory } = options
    const file = await disk.open(join(directory, segmentName(lastOf(end.segments).number)), 'existing')
    try {
      await file.truncate(end.size_bytes)
      await file.write(end.lastWritten, end.size_bytes - end.lastWritten.length)
      await file.sync()
    } catch (error) {
      await file.close()
      throw error
    }
    return new SegmentWriter(options, file, end)
  }

  /** The sequence that the next group must have. */
  get nextSequence(): number {
    return this.#nextSequence
  }

  /** Of segments, since the journal was opened. */
  get fsyncs(): number {
    return this.#fsyncs
  }

  get lastFsync_ms(): number {
    return this.#lastFsync_ms
  }

  /** Segments that are kept, the one being written included. */
  get count(): number {
    return this.#segments.length
  }

  /**
   * Records that speak of no slot above this one are not needed any more: the segments that hold nothing else go, but for the
   * one being written. They go once the header of the next segment is durable, which says so: it is begun with the next group,
   * also where nothing goes yet, so that the one being written can go with the next trim.
   */
  trim(slot: Slot): void {
    this.#first = this.#firstAfter(slot)
    this.#isTrimming = true
  }

  /** A trim from before the start: carried out now if it was not then. */
  finishTrim(slot: Slot): void {
    if (this.#firstAfter(slot) !== this.#first) this.trim(slot)
  }

  /** Writes a group, which speaks of slots up to `last`, and resolves when it is durable. */
  async write(group: Buffer, last: Slot): Promise<void> {
    if (this.#size_bytes >= this.#options.segmentSize_bytes || this.#isTrimming) await this.#rotate()
    await this.#file.write(group, this.#size_bytes)
    const start = this.#options.now()
    await this.#file.sync()
    this.#lastFsync_ms = this.#options.now() - start
    this.#fsyncs++
    this.#size_bytes += group.length
    this.#nextSequence++
    const segment = lastOf(this.#segments)
    segment.last = Math.max(segment.last, last)
  }

  /** The first segment that speaks of a later slot, or the one being written. */
  #firstAfter(slot: Slot): number {
    return (this.#segments.find(({ last }) => last > slot) ?? lastOf(this.#segments)).number
  }

  async close(): Promise<void> {
    await this.#removing
    await this.#file.close()
  }

  async #rotate(): Promise<void> {
    const number = lastOf(this.#segments).number + 1
    const header = { number, first: this.#first, firstSequence: this.#nextSequence }
    this.#isTrimming = false
    const next = await createSegment(this.#options, header)
    this.#fsyncs++
    const full = this.#file
    this.#file = next.file
    this.#segments.push({ number, last: 0 })
    this.#size_bytes = next.size_bytes
    await full.close()
    const trimmed = this.#segments.splice(
      0,
      this.#segments.findIndex(({ number }) => number === header.first),
    )
    this.#removing = this.#removing.then(() => removeSegments(this.#options, trimmed))
  }
}

function lastOf(segments: readonly KeptSegment[]): KeptSegment {
  const last = segments.at(-1)
  if (last === undefined) throw new RangeError('a journal without a segment')
  return last
}

/** What cannot be removed does no harm: it is removed when the server starts again. */
async function removeSegments(
  { disk, directory }: SegmentWriterOptions,
  segments: readonly KeptSegment[],
): Promise<void> {
  for (const { number } of segments)
    await disk.remove(join(directory, segmentName(number))).catch(() => undefined)
}

/** A new segment, durable with its header and its name. */
async function createSegment(
  { disk, directory, identity }: SegmentWriterOptions,
  header: Omit<SegmentHeader, 'acceptor' | 'cluster'>,
): Promise<{ file: DiskFile; size_bytes: number }> {
  const { acceptor, cluster } = identity
  const bytes = encodeHeader({ ...header, acceptor, cluster })
  const file = await disk.open(join(directory, segmentName(header.number)), 'create')
  try {
    await file.write(bytes, 0)
    await file.sync()
    await disk.syncDirectory(directory)
  } catch (error) {
    await file.close()
    throw error
  }
  return { file, size_bytes: bytes.length }
}
