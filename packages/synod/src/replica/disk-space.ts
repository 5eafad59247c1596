import type { Clock } from '../clock.js'
import { SynodError } from '../errors.js'
import type { Journal } from '../journal/journal.js'
import type { Disk } from '../storage/disk.js'
import { type Space, isNoSpace } from '../storage/no-space.js'
import type { Reserve } from '../storage/reserve.js'
import type { Logger } from '../logger.js'
import { messageOf } from '../machine/contract.js'
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
export class DiskSpace implements Space {
  readonly #parts: DiskSpaceParts
  #reserves: readonly Reserve[] = []
  #journal: Journal | undefined
  #state: SpaceState = 'ample'
  #free_bytes = Infinity
  #written_bytes: number | undefined
  #looked_ms = -Infinity
  #refused_ms = -Infinity
  #isLooking = false
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
    void this.#look()
    this.#watch()
  }

  get state(): SpaceState {
    return this.#state
  }

  get status(): SpaceStatus {
    const reserved_bytes = this.#reserves.reduce((sum, { size_bytes }) => sum + size_bytes, 0)
    const free_bytes = Number.isFinite(this.#free_bytes) ? this.#free_bytes : null
    return { state: this.#state, free_bytes, reserved_bytes }
  }

  get isShort(): boolean {
    return this.#state === 'full'
  }

  refused(): void {
    this.#refused_ms = this.#parts.clock.now()
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

  #watch(): void {
    const { clock } = this.#parts
    this.#cancel = clock.timer(BUSY_MS, () => {
      const isBusy = this.#journal?.stats.bytes !== this.#written_bytes || this.#waiting.size > 0
      if (isBusy || clock.now() - this.#looked_ms >= IDLE_MS) void this.#look()
      this.#watch()
    })
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    const { clock, directory, disk, inbox } = this.#parts
    this.#looked_ms = clock.now()
    this.#written_bytes = this.#journal?.stats.bytes
    try {
      this.#free_bytes = await disk.free(directory)
      await this.#refill()
    } catch (error) {
      if (isNoSpace(error)) this.refused()
      else this.#warnOnce(error)
    }
    this.#isLooking = false
    if (this.#isStopped) return
    for (const { go } of this.#waiting) go()
    this.#waiting.clear()
    this.#judge()
    inbox.post({ type: 'space' })
  }

  /** No more is allocated than leaves room for what is not in reserve. */
  async #refill(): Promise<void> {
    for (const reserve of this.#reserves) {
      if (this.#free_bytes - reserve.missing_bytes < this.#parts.limits.full_bytes) continue
      this.#free_bytes -= reserve.missing_bytes
      await reserve.refill()
    }
  }

  #judge(): void {
    const { clock, limits, logger } = this.#parts
    const missing_bytes = this.#reserves.reduce((sum, reserve) => sum + reserve.missing_bytes, 0)
    const spare_bytes = this.#free_bytes - missing_bytes
    const wasRefused = clock.now() - this.#refused_ms < REFUSED_MS
    const enough_bytes = limits.full_bytes * (this.#state === 'full' ? RECOVERED : 1)
    const state =
      wasRefused || spare_bytes < enough_bytes ? 'full' : spare_bytes < limits.low_bytes ? 'low' : 'ample'
    if (state === this.#state) return
    this.#state = state
    const fields = { free_bytes: this.#free_bytes }
    const free = `${Math.floor(this.#free_bytes / 2 ** 20)} MiB free`
    if (state === 'full') logger.error(fields, `the disk is full, ${free}: writes are refused`)
    else if (state === 'low') logger.warn(fields, `the disk is getting full: ${free}`)
    else logger.info(fields, `the disk has space again: ${free}`)
  }

  #warnOnce(error: unknown): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    this.#parts.logger.warn({}, `the free space of the disk is not known: ${messageOf(error)}`)
  }
}
