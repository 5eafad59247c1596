import type { Clock } from '../clock.js'
import { SynodError } from '../errors.js'
import type { Journal } from '../journal/journal.js'
import type { Disk } from '../storage/disk.js'
import { type SpaceWaiter, isNoSpace } from '../storage/no-space.js'
import type { Reserve } from '../storage/reserve.js'
import type { Logger } from '../logger.js'
import { errorText } from '../machine/contract.js'
import type { SpaceState } from '../net/peer/messages.js'
import type { SpaceStatus } from '../status.js'
import type { Inbox } from './inbox.js'
import type { SpaceLimits } from './space-limits.js'

/** A disk that was full has space again when this many times as much is free. */
const RECOVERED = 1.25

/** How often it looks at the disk: at least, and while bytes are written. */
const IDLE_MS = 1000
const BUSY_MS = 250

/**
 * After a refused write the disk counts as full for this long, even if the system says otherwise:
 * there are quotas.
 */
const REFUSED_MS = 3000

export interface DiskSpaceParts {
  readonly clock: Clock
  readonly disk: Disk
  readonly directory: string
  readonly limits: SpaceLimits
  readonly logger: Logger
  readonly inbox: Inbox
}

/** Watches how much space the data directory has left, and keeps the reserves. */
export class DiskSpace implements SpaceWaiter {
  readonly #parts: DiskSpaceParts
  #reserves: readonly Reserve[] = []
  #journal: Journal | undefined
  #state: SpaceState = 'ample'
  #freeBytes = Infinity
  #writtenBytes: number | undefined
  #measuredMs = -Infinity
  #refusedMs = -Infinity
  #isMeasuring = false
  #isStopped = false
  #hasWarned = false
  readonly #waiting = new Set<{ go: () => void; give: (error: Error) => void }>()
  #cancel: () => void = () => undefined

  constructor(parts: DiskSpaceParts) {
    this.#parts = parts
  }

  /**
   * From now on it watches, more often while this journal is written to, and keeps these files
   * filled.
   */
  begin(journal: Journal | undefined, reserves: readonly Reserve[]): void {
    this.#journal = journal
    this.#reserves = reserves
    void this.#measure()
    this.#watch()
  }

  get state(): SpaceState {
    return this.#state
  }

  get status(): SpaceStatus {
    const reservedBytes = this.#reserves.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const freeBytes = Number.isFinite(this.#freeBytes) ? this.#freeBytes : null
    return { state: this.#state, freeBytes, reservedBytes }
  }

  get isShort(): boolean {
    return this.#state === 'full'
  }

  refused(): void {
    this.#refusedMs = this.#parts.clock.now()
    this.#judge()
  }

  wait(): Promise<void> {
    return new Promise((go, give) => {
      if (this.#isStopped) give(new SynodError('closed', 'the disk was full to the end'))
      else this.#waiting.add({ go, give })
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel()
    for (const { give } of this.#waiting) give(new SynodError('closed', 'the disk was full to the end'))
    this.#waiting.clear()
  }

  /**
   * Resolves when nothing is written to the reserves any more: then the directory may be another
   * process's, and a reserve the segment that it writes.
   */
  async close(): Promise<void> {
    await Promise.all(this.#reserves.map((reserve) => reserve.close()))
  }

  #watch(): void {
    const { clock } = this.#parts
    this.#cancel = clock.timer(BUSY_MS, () => {
      const isBusy = this.#journal?.stats.bytes !== this.#writtenBytes || this.#waiting.size > 0
      if (isBusy || clock.now() - this.#measuredMs >= IDLE_MS) void this.#measure()
      this.#watch()
    })
  }

  async #measure(): Promise<void> {
    if (this.#isMeasuring) return
    this.#isMeasuring = true
    const { clock, directory, disk, inbox } = this.#parts
    this.#measuredMs = clock.now()
    this.#writtenBytes = this.#journal?.stats.bytes
    try {
      this.#freeBytes = await disk.free(directory)
      await this.#refill()
    } catch (error) {
      if (isNoSpace(error)) this.refused()
      else this.#warnOnce(error)
    }
    this.#isMeasuring = false
    if (this.#isStopped) return
    for (const { go } of this.#waiting) go()
    this.#waiting.clear()
    this.#judge()
    inbox.post({ type: 'space' })
  }

  /** No more is allocated than leaves room for what is not in reserve. */
  async #refill(): Promise<void> {
    for (const reserve of this.#reserves) {
      if (this.#freeBytes - reserve.missingBytes < this.#parts.limits.fullBytes) continue
      this.#freeBytes -= reserve.missingBytes
      await reserve.refill()
    }
  }

  #judge(): void {
    const { clock, limits, logger } = this.#parts
    const missingBytes = this.#reserves.reduce((sum, reserve) => sum + reserve.missingBytes, 0)
    const spareBytes = this.#freeBytes - missingBytes
    const wasRefused = clock.now() - this.#refusedMs < REFUSED_MS
    const enoughBytes = limits.fullBytes * (this.#state === 'full' ? RECOVERED : 1)
    const state =
      wasRefused || spareBytes < enoughBytes ? 'full' : spareBytes < limits.lowBytes ? 'low' : 'ample'
    if (state === this.#state) return
    this.#state = state
    const fields = { freeBytes: this.#freeBytes }
    const free = `${Math.floor(this.#freeBytes / 2 ** 20)} MiB free`
    if (state === 'full') logger.error(fields, `the disk is full, ${free}: writes are refused`)
    else if (state === 'low') logger.warn(fields, `the disk is getting full: ${free}`)
    else logger.info(fields, `the disk has space again: ${free}`)
  }

  #warnOnce(error: unknown): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    this.#parts.logger.warn({}, `the free space of the disk is not known: ${errorText(error)}`)
  }
}
