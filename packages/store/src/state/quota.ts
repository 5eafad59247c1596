import { DEFAULT_QUOTA_BYTES } from '../operations/limits.js'

/** The alarm ends when no more than this share is in use. */
const CALM_SHARE = 0.95

/** What deletions may take beyond the quota: their history needs space before they make any. */
const RESERVED_SHARE = 0.01

export interface QuotaState {
  readonly bytes: number
  readonly isFull: boolean
}

/** How many bytes keys, values and their history may take. */
export class Quota {
  #bytes: number
  #isFull: boolean

  constructor({ bytes, isFull }: QuotaState = { bytes: DEFAULT_QUOTA_BYTES, isFull: false }) {
    this.#bytes = bytes
    this.#isFull = isFull
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Whether writes are refused, until enough was deleted and compacted. */
  get isFull(): boolean {
    return this.#isFull
  }

  set(bytes: number, usedBytes: number): void {
    this.#bytes = bytes
    this.refresh(usedBytes)
  }

  /** This many bytes are in use now. */
  refresh(usedBytes: number): void {
    if (usedBytes > this.#bytes) this.#isFull = true
    else if (usedBytes <= CALM_SHARE * this.#bytes) this.#isFull = false
  }

  /** Whether a write that adds these bytes is taken. One that does not fit raises the alarm. */
  takes(usedBytes: number, addedBytes: number): boolean {
    if (usedBytes + addedBytes > this.#bytes) this.#isFull = true
    return !this.#isFull
  }

  /** Whether deletions that add these bytes are taken. */
  takesDeletions(usedBytes: number, addedBytes: number): boolean {
    return usedBytes + addedBytes <= (1 + RESERVED_SHARE) * this.#bytes
  }
}
