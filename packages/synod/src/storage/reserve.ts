import { join } from 'node:path'
import type { Disk, DiskFile } from './disk.js'
import { isNoSpace } from './no-space.js'

/** How much is written at once to allocate space. */
const FILL_BYTES = 1 << 20

/** A file this many times larger than wanted is cut. */
const EXCESS = 2

/**
 * A file whose bytes were written beforehand, so that its space stays this server's when other
 * programs fill the disk. Its content means nothing.
 */
export class Reserve {
  readonly #disk: Disk
  readonly #directory: string
  readonly #name: string
  readonly #wanted: () => number
  #sizeBytes = 0
  #isHeld = false
  #isClosed = false
  #filling: Promise<void> | undefined

  /** `wanted` answers how large the file is to be, in bytes. */
  constructor(disk: Disk, directory: string, name: string, wanted: () => number) {
    this.#disk = disk
    this.#directory = directory
    this.#name = name
    this.#wanted = wanted
  }

  get path(): string {
    return join(this.#directory, this.#name)
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** What has yet to be allocated; 0 while the file is being written to. */
  get missingBytes(): number {
    return this.#isHeld ? 0 : Math.max(0, this.#wanted() - this.#sizeBytes)
  }

  /** Learns how large the file is. */
  async refresh(): Promise<void> {
    const isThere = (await this.#disk.list(this.#directory)).includes(this.#name)
    this.#sizeBytes = isThere ? await this.#disk.size(this.path) : 0
  }

  /**
   * Allocates what is missing, or gives back what is too much. Rejects with the error of the disk.
   */
  async refill(): Promise<void> {
    if (this.#isHeld || this.#isClosed || this.#filling !== undefined) return
    const wantedBytes = this.#wanted()
    const isTooLarge = this.#sizeBytes > EXCESS * wantedBytes
    if (!isTooLarge && this.#sizeBytes >= wantedBytes) return
    const filling = this.#fill(wantedBytes)
    this.#filling = filling.catch(() => undefined)
    try {
      await filling
    } finally {
      this.#filling = undefined
    }
  }

  /**
   * Takes the file for a writer, who must `giveBack` it; what the writer renames is not in the
   * reserve any more.
   */
  async take(): Promise<DiskFile> {
    this.#isHeld = true
    await this.#filling
    try {
      return await this.#open()
    } catch (error) {
      this.#isHeld = false
      throw error
    }
  }

  async giveBack(): Promise<void> {
    await this.refresh()
    this.#isHeld = false
  }

  /**
   * Gives the file another name, with `head` at its beginning, all durable. Undefined where nothing
   * is in reserve, or not even that can be written.
   */
  async become(path: string, head: Uint8Array): Promise<DiskFile | undefined> {
    await this.#filling
    if (this.#sizeBytes < head.length) return undefined
    const file = await this.#disk.open(this.path, 'existing')
    try {
      await file.write(head, 0)
      // A process before may have ended as its fsync of this file failed: its size is not durable
      // then.
      await file.truncate(this.#sizeBytes)
    } catch (error) {
      await file.close()
      if (isNoSpace(error)) return undefined
      throw error
    }
    this.#sizeBytes = 0
    try {
      // The content comes first: a name that is durable must not stand for what was in the file
      // before.
      await file.sync()
      await this.#disk.rename(this.path, path)
      await this.#disk.syncDirectory(this.#directory)
    } catch (error) {
      await file.close()
      throw error
    }
    return file
  }

  /** Allocates nothing more, and resolves when nothing is being written. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#filling
  }

  #open(): Promise<DiskFile> {
    return this.#disk.open(this.path, this.#sizeBytes === 0 ? 'replace' : 'existing')
  }

  async #fill(wantedBytes: number): Promise<void> {
    const file = await this.#open()
    try {
      if (this.#sizeBytes > wantedBytes) {
        await file.truncate(wantedBytes)
        this.#sizeBytes = wantedBytes
      }
      while (this.#sizeBytes < wantedBytes && !this.#isClosed) {
        const bytes = Buffer.alloc(Math.min(FILL_BYTES, wantedBytes - this.#sizeBytes))
        await file.write(bytes, this.#sizeBytes)
        // The space counts once it is on the disk: some file systems allocate it no sooner.
        await file.sync()
        this.#sizeBytes += bytes.length
      }
    } finally {
      await file.close()
    }
  }
}
