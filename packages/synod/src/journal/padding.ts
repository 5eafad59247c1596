import { isNoSpace } from '../storage/no-space.js'
import type { DiskFile } from '../storage/disk.js'

export interface PaddingOptions {
  /** A segment gets zeros once it has this size: a server with little to write needs none. */
  readonly fromBytes: number
  /** As many zeros at a time as the segment has bytes, and this many at most. */
  readonly mostBytes: number
}

const PADDED_FROM_BYTES = 64 << 10

/** What else is written to the file waits for a write of zeros: they are few. */
const PADDING_BYTES = 256 << 10

export const PADDING: PaddingOptions = { fromBytes: PADDED_FROM_BYTES, mostBytes: PADDING_BYTES }

/** A group of this size takes less time to write than zeros for it would take besides. */
const LARGE_GROUP_BYTES = 32 << 10

/**
 * Zeros that are durable in a segment before its groups get there. To overwrite them takes half the
 * time, as the file system has nothing of its own to make durable: the file grows no more.
 */
export class Padding {
  readonly #options: PaddingOptions
  readonly #file: DiskFile
  /** Where the zeros are to end at the latest. */
  readonly #limitBytes: number
  /** Where they end. */
  #toBytes: number
  #writing: Promise<void> | undefined
  /** Where those begin that are being written. */
  #fromBytes = Infinity
  #isRefused = false
  #failure: Error | undefined

  /** The file has zeros up to `toBytes`, as far as it has no groups. */
  constructor(file: DiskFile, toBytes: number, limitBytes: number, options: PaddingOptions) {
    this.#file = file
    this.#toBytes = toBytes
    this.#limitBytes = limitBytes
    this.#options = options
  }

  /**
   * Resolves when a group may be written up to `endBytes`: zeros that come later must not cover it.
   */
  async reached(endBytes: number): Promise<void> {
    if (endBytes > this.#fromBytes) await this.#writing
  }

  /**
   * Resolves when the group that was written is durable in spite of a sync of zeros that was under
   * way: if that fails, the system may count the pages of the group as written too. Rejects then.
   */
  async settled(): Promise<void> {
    await this.#writing
    const failure = this.#failure
    if (failure === undefined) return
    // On a full disk the group is written again. After anything else there is no next one.
    this.#failure = undefined
    throw failure
  }

  /**
   * A group was written that ends at `sizeBytes`, and none is being written: the next zeros are, if
   * it is time.
   */
  extend(sizeBytes: number, groupBytes: number): void {
    const { fromBytes, mostBytes } = this.#options
    if (sizeBytes < fromBytes || groupBytes > LARGE_GROUP_BYTES) return
    if (this.#writing !== undefined || this.#isRefused) return
    const wantedBytes = Math.min(sizeBytes, mostBytes)
    const from = Math.max(this.#toBytes, sizeBytes)
    const to = Math.min(from + wantedBytes, this.#limitBytes)
    if (from - sizeBytes >= wantedBytes || to <= from) return
    this.#fromBytes = from
    this.#writing = this.#write(from, to)
  }

  /** Whether something may stand in the file after groups that end at `sizeBytes`. */
  reachesBeyond(sizeBytes: number): boolean {
    return this.#isRefused || this.#writing !== undefined || this.#toBytes > sizeBytes
  }

  /** Resolves when no zeros are being written. Rejects if the disk failed; not if it is full. */
  async idle(): Promise<void> {
    await this.#writing
    if (this.#failure !== undefined && !isNoSpace(this.#failure)) throw this.#failure
  }

  async #write(from: number, to: number): Promise<void> {
    try {
      if (await this.#hasSpace(from, to)) {
        await this.#file.sync()
        this.#toBytes = to
      }
    } catch (error) {
      this.#failure = error as Error
      this.#isRefused = true
    }
    this.#fromBytes = Infinity
    this.#writing = undefined
  }

  /** On a full disk the groups can still be written, or go into the reserve. */
  async #hasSpace(from: number, to: number): Promise<boolean> {
    try {
      await this.#file.write(Buffer.alloc(to - from), from)
      return true
    } catch (error) {
      if (!isNoSpace(error)) throw error
      this.#isRefused = true
      return false
    }
  }
}
