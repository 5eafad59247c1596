import { join } from 'node:path'
import type { Disk, DiskFile } from './disk.js'
import type { Identity } from './identity.js'
import type { JournalEnd } from './recovery.js'
import { encodeHeader, segmentName } from './segment.js'

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
  #segment: number
  #size_bytes: number
  #nextSequence: number
  /** The one of the header, or of what was written last. */
  #fsyncs = 1
  #lastFsync_ms = 0

  private constructor(options: SegmentWriterOptions, file: DiskFile, end: Omit<JournalEnd, 'lastWritten'>) {
    this.#options = options
    this.#file = file
    this.#segment = end.segment
    this.#size_bytes = end.size_bytes
    this.#nextSequence = end.nextSequence
  }

  /** Begins a journal with its first segment. */
  static async create(options: SegmentWriterOptions): Promise<SegmentWriter> {
    const { file, size_bytes } = await createSegment(options, 1, 1)
    return new SegmentWriter(options, file, { segment: 1, size_bytes, nextSequence: 1 })
  }

  /**
   * Goes on where a journal ends; what is beyond is cut off. What was written last is written once more: if
   * its fsync failed or never was, it may be in memory only, where it was read from, and the system may
   * take it for written. Only what is written anew is sure to reach the disk with the next fsync.
   */
  static async resume(options: SegmentWriterOptions, end: JournalEnd): Promise<SegmentWriter> {
    const { disk, directory } = options
    const file = await disk.open(join(directory, segmentName(end.segment)), 'existing')
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

  /** Writes a group and resolves when it is durable. */
  async write(group: Buffer): Promise<void> {
    if (this.#size_bytes >= this.#options.segmentSize_bytes) await this.#rotate()
    await this.#file.write(group, this.#size_bytes)
    const start = this.#options.now()
    await this.#file.sync()
    this.#lastFsync_ms = this.#options.now() - start
    this.#fsyncs++
    this.#size_bytes += group.length
    this.#nextSequence++
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  async #rotate(): Promise<void> {
    const next = await createSegment(this.#options, this.#segment + 1, this.#nextSequence)
    this.#fsyncs++
    const full = this.#file
    this.#file = next.file
    this.#segment++
    this.#size_bytes = next.size_bytes
    await full.close()
  }
}

/** A new segment, durable with its header and its name. */
async function createSegment(
  { disk, directory, identity }: SegmentWriterOptions,
  number: number,
  firstSequence: number,
): Promise<{ file: DiskFile; size_bytes: number }> {
  const { acceptor, cluster } = identity
  const header = encodeHeader({ number, firstSequence, acceptor, cluster })
  const file = await disk.open(join(directory, segmentName(number)), 'create')
  try {
    await file.write(header, 0)
    await file.sync()
    await disk.syncDirectory(directory)
  } catch (error) {
    await file.close()
    throw error
  }
  return { file, size_bytes: header.length }
}
