import { join } from 'node:path'
import type { Slot } from '../paxos/ballot.js'
import type { Disk, DiskFile } from '../storage/disk.js'
import type { Identity } from './identity.js'
import type { JournalEnd, KeptSegment } from './recovery.js'
import { encodeSegmentHeader, segmentName } from './segment.js'
import { type SpaceWaiter, isNoSpace, writeWhenSpace } from '../storage/no-space.js'
import { Reserve } from '../storage/reserve.js'
import { Padding, type PaddingOptions } from './padding.js'
import type { SegmentHeader } from './segment.js'

/**
 * The segments that are allocated beforehand: one for what is under way when the disk gets full,
 * one to trim with.
 */
const GROUPS_RESERVE = 'groups.reserve'
const TRIM_RESERVE = 'trim.reserve'

export interface SegmentWriterOptions {
  readonly disk: Disk
  readonly directory: string
  readonly identity: Identity
  /** A segment that has reached this size is followed by a new one. */
  readonly segmentSizeBytes: number
  /** How large the reserves are. */
  readonly reserve: { readonly groupsBytes: number; readonly trimBytes: number }
  readonly space: SpaceWaiter
  readonly padding: PaddingOptions
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
}

export const NO_RESERVE: SegmentWriterOptions['reserve'] = { groupsBytes: 0, trimBytes: 0 }

/**
 * Writes groups at the end of the last segment, one at a time. After a method has rejected, none
 * may be called but `close`: what is on the disk is then unknown.
 */
export class SegmentWriter {
  readonly #options: SegmentWriterOptions
  #file: DiskFile
  /** In order; the last one is being written. */
  readonly #segments: KeptSegment[]
  #sizeBytes: number
  #padding: Padding
  #nextSequence: number
  /** The one of the header, or of what was written last. */
  #fsyncs = 1
  #lastFsyncMs = 0
  /** The first segment that is needed, and whether the next one has yet to say so. */
  #first: number
  #isTrimming = false
  #removing: Promise<void> = Promise.resolve()
  readonly #groupsReserve: Reserve
  readonly #trimReserve: Reserve

  private constructor(options: SegmentWriterOptions, file: DiskFile, end: Omit<JournalEnd, 'lastWritten'>) {
    this.#options = options
    this.#file = file
    this.#padding = new Padding(file, end.paddedBytes, options.segmentSizeBytes, options.padding)
    this.#segments = [...end.segments]
    this.#first = end.segments[0]?.number ?? 1
    this.#sizeBytes = end.sizeBytes
    this.#nextSequence = end.nextSequence
    const { directory, disk, reserve } = options
    this.#groupsReserve = new Reserve(disk, directory, GROUPS_RESERVE, () => reserve.groupsBytes)
    this.#trimReserve = new Reserve(disk, directory, TRIM_RESERVE, () => reserve.trimBytes)
  }

  /** Begins a journal with its first segment. */
  static async create(options: SegmentWriterOptions): Promise<SegmentWriter> {
    const begun = await createSegment(options, { number: 1, first: 1, firstSequence: 1 })
    if (begun === undefined) throw new Error('there is no space left for a journal')
    const { file, sizeBytes } = begun
    const end = { segments: [{ number: 1, last: 0 }], sizeBytes, paddedBytes: sizeBytes, nextSequence: 1 }
    return new SegmentWriter(options, file, end).#ready()
  }

  /**
   * Resumes where a journal ends, and cuts off what is beyond, but for zeros. The last write is
   * repeated: after a failed fsync it may be in the page cache only, and the system may take it for
   * written.
   */
  static async resume(options: SegmentWriterOptions, end: JournalEnd): Promise<SegmentWriter> {
    const { disk, directory } = options
    const file = await disk.open(join(directory, segmentName(lastOf(end.segments).number)), 'existing')
    try {
      await file.truncate(end.paddedBytes)
      await file.write(end.lastWritten, end.sizeBytes - end.lastWritten.length)
      await file.sync()
    } catch (error) {
      await file.close()
      throw error
    }
    return new SegmentWriter(options, file, end).#ready()
  }

  async #ready(): Promise<this> {
    for (const reserve of this.reserves) await reserve.refresh()
    return this
  }

  /** Space for the segments to come. */
  get reserves(): readonly Reserve[] {
    return [this.#trimReserve, this.#groupsReserve]
  }

  /** The sequence that the next group must have. */
  get nextSequence(): number {
    return this.#nextSequence
  }

  /** Of segments, since the journal was opened. */
  get fsyncs(): number {
    return this.#fsyncs
  }

  get lastFsyncMs(): number {
    return this.#lastFsyncMs
  }

  /** Segments that are kept, the one being written included. */
  get count(): number {
    return this.#segments.length
  }

  /**
   * Drops the segments that hold only records of slots up to this one, but for the current segment,
   * once the header of the next segment is durable: that says so. The next segment begins with the
   * next group; at once where the disk has little space, as there may be no next group before.
   */
  async trim(slot: Slot): Promise<void> {
    this.#first = this.#firstAfter(slot)
    this.#isTrimming = true
    if (this.#options.space.isShort) await this.#rotate()
  }

  /**
   * A trim up to this slot is about to be written. On a full disk it must not stand in the segment
   * that is to go: where that is the only one, another is begun.
   */
  async beginTrim(slot: Slot): Promise<void> {
    const [first, second] = this.#segments
    if (this.#options.space.isShort && second === undefined && (first?.last ?? 0) <= slot)
      await this.#rotate()
  }

  /** A trim from before the start: carried out now if it was not then. */
  async finishTrim(slot: Slot): Promise<void> {
    if (this.#firstAfter(slot) !== this.#first) await this.trim(slot)
  }

  /** Writes a group, which speaks of slots up to `last`, and resolves when it is durable. */
  async write(group: Buffer, last: Slot): Promise<void> {
    if (this.#sizeBytes >= this.#options.segmentSizeBytes || this.#isTrimming) await this.#rotate()
    await this.#put(group)
    this.#fsyncs++
    this.#sizeBytes += group.length
    this.#nextSequence++
    if (!this.#options.space.isShort) this.#padding.extend(this.#sizeBytes, group.length)
    const segment = lastOf(this.#segments)
    segment.last = Math.max(segment.last, last)
  }

  /** The first segment that speaks of a later slot, or the one being written. */
  #firstAfter(slot: Slot): number {
    return (this.#segments.find(({ last }) => last > slot) ?? lastOf(this.#segments)).number
  }

  async close(): Promise<void> {
    await this.#removing
    // Nothing rests on the zeros any more.
    await this.#padding.idle().catch(() => undefined)
    await this.#file.close()
  }

  /**
   * Where the disk is full, the group goes into the segment in reserve; where that is used up, it
   * waits. Each attempt writes the whole group.
   */
  #put(group: Buffer): Promise<void> {
    const { now, space } = this.#options
    const attempt = async () => {
      await this.#padding.reached(this.#sizeBytes + group.length)
      const startMs = now()
      await this.#file.writeDurably(group, this.#sizeBytes)
      await this.#padding.settled()
      this.#lastFsyncMs = now() - startMs
    }
    return writeWhenSpace(attempt, {
      refused: () => {
        space.refused()
      },
      wait: async () => {
        if (!(await this.#continueIn(await this.#fromReserve(this.#groupsReserve)))) await space.wait()
      },
    })
  }

  /**
   * Begins the next segment. On a disk too full for that the one being written grows on, but for a
   * trim there is a reserve.
   */
  async #rotate(): Promise<void> {
    await this.#cut()
    if (await this.#continueIn(await createSegment(this.#options, this.#nextHeader))) return
    this.#options.space.refused()
    if (!this.#isTrimming) return
    for (const reserve of this.reserves) {
      if (await this.#continueIn(await this.#fromReserve(reserve))) return
    }
  }

  /**
   * Nothing stands after the last group any more, durably. What was in a reserve, or zeros that did
   * not get to the disk, would look like damage before a header that is not whole.
   */
  async #cut(): Promise<void> {
    if (!this.#padding.reachesBeyond(this.#sizeBytes)) return
    const { padding, segmentSizeBytes } = this.#options
    await this.#padding.idle()
    await this.#file.truncate(this.#sizeBytes)
    await this.#file.sync()
    this.#padding = new Padding(this.#file, this.#sizeBytes, segmentSizeBytes, padding)
  }

  get #nextHeader(): Omit<SegmentHeader, 'acceptor' | 'cluster'> {
    const number = lastOf(this.#segments).number + 1
    return { number, first: this.#first, firstSequence: this.#nextSequence }
  }

  async #fromReserve(reserve: Reserve): Promise<BegunSegment | undefined> {
    const { directory, identity } = this.#options
    const header = this.#nextHeader
    const bytes = encodeSegmentHeader({ ...header, acceptor: identity.acceptor, cluster: identity.cluster })
    const paddedBytes = reserve.sizeBytes
    const file = await reserve.become(join(directory, segmentName(header.number)), bytes)
    return file && { ...header, file, sizeBytes: bytes.length, paddedBytes }
  }

  /** Answers whether there is a segment to go on in. What is needed no more is removed. */
  async #continueIn(next: BegunSegment | undefined): Promise<boolean> {
    if (next === undefined) return false
    const { file, first, number, paddedBytes, sizeBytes } = next
    const { padding, segmentSizeBytes } = this.#options
    await this.#padding.idle()
    this.#fsyncs++
    this.#isTrimming = false
    const [full, fullBytes] = [this.#file, this.#sizeBytes]
    this.#file = file
    this.#segments.push({ number, last: 0 })
    this.#sizeBytes = sizeBytes
    this.#padding = new Padding(file, paddedBytes, segmentSizeBytes, padding)
    // What is beyond is part of a group that was refused, or space that was never used.
    await full.truncate(fullBytes)
    await full.close()
    const trimmed = this.#segments.splice(
      0,
      this.#segments.findIndex(({ number }) => number === first),
    )
    this.#removing = this.#removing.then(() => removeSegments(this.#options, trimmed))
    return true
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

/** A segment that is durable with its header and its name. */
interface BegunSegment {
  readonly number: number
  readonly first: number
  readonly file: DiskFile
  readonly sizeBytes: number
  /** Where the zeros after it end. */
  readonly paddedBytes: number
}

/** Undefined where the disk has no space for it: nothing is left of it then. */
async function createSegment(
  { disk, directory, identity }: SegmentWriterOptions,
  header: Omit<SegmentHeader, 'acceptor' | 'cluster'>,
): Promise<BegunSegment | undefined> {
  const { acceptor, cluster } = identity
  const bytes = encodeSegmentHeader({ ...header, acceptor, cluster })
  const path = join(directory, segmentName(header.number))
  let file: DiskFile | undefined
  try {
    file = await disk.open(path, 'create')
    await file.write(bytes, 0)
  } catch (error) {
    await file?.close()
    if (!isNoSpace(error)) throw error
    if (file === undefined) return undefined
    await disk.remove(path)
    // Or a loss of power could leave both this file and a part of a later group in the segment
    // before, which is what damage looks like.
    await disk.syncDirectory(directory)
    return undefined
  }
  try {
    await file.sync()
    await disk.syncDirectory(directory)
  } catch (error) {
    await file.close()
    throw error
  }
  return { ...header, file, sizeBytes: bytes.length, paddedBytes: bytes.length }
}
