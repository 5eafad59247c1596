export const SECTOR_BYTES = 512

/** A number from 0 up to, not including, 1. */
export type Random = () => number

/** What a sync has to write, as it is when it begins. */
export interface Written {
  readonly sizeBytes: number | null
  /** What lay beyond it was cut off, although the file may have grown again. */
  readonly keptBytes: number
  readonly sectors: readonly (readonly [sector: number, content: Buffer])[]
}

/** A file: what processes see of it (the page cache), and what is on the platter. */
export class MemoryFile {
  readonly #cache = new Bytes()
  readonly #platter = new Bytes()
  readonly #dirty = new Set<number>()
  #sizeDirty = false
  /** The syncs under way, and when each ends. */
  readonly syncing = new Map<Written, Promise<void>>()
  /** The smallest size to which it was cut since the last sync. */
  #keptBytes = Infinity

  /** With this in it, durable. */
  constructor(content: Uint8Array = new Uint8Array(0)) {
    for (const bytes of [this.#cache, this.#platter]) {
      bytes.resize(content.length)
      bytes.view.set(content)
    }
  }

  /** What processes see: valid until the next change. */
  get content(): Buffer {
    return this.#cache.view
  }

  /** What a power failure leaves at least: valid until the next change. */
  get durable(): Buffer {
    return this.#platter.view
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return
    const end = position + bytes.length
    if (end > this.#cache.size) {
      this.#cache.resize(end)
      this.#sizeDirty = true
    }
    this.#cache.view.set(bytes, position)
    for (let s = Math.floor(position / SECTOR_BYTES); s * SECTOR_BYTES < end; s++) this.#dirty.add(s)
  }

  truncate(sizeBytes: number): void {
    this.#cache.resize(sizeBytes)
    this.#sizeDirty = true
    this.#keptBytes = Math.min(this.#keptBytes, sizeBytes)
  }

  /** What has to be written; from now on it counts as written, whether it will be or not. */
  takeDirty(): Written {
    const { view, size } = this.#cache
    const sectors = [...this.#dirty].map((sector) => [sector, Buffer.from(sectorOf(view, sector))] as const)
    const sizeBytes = this.#sizeDirty ? size : null
    const keptBytes = this.#keptBytes
    this.#dirty.clear()
    this.#sizeDirty = false
    this.#keptBytes = Infinity
    return { sizeBytes, keptBytes, sectors }
  }

  /** Resolves when no sync is under way that writes the same sectors, or the size as well. */
  async underWay({ sectors, sizeBytes }: Written): Promise<void> {
    const own = new Set(sectors.map(([sector]) => sector))
    const ends = [...this.syncing].flatMap(([other, end]) => {
      const isShared = other.sectors.some(([sector]) => own.has(sector))
      return isShared || (sizeBytes !== null && other.sizeBytes !== null) ? [end] : []
    })
    await Promise.all(ends)
  }

  toPlatter({ sizeBytes, keptBytes, sectors }: Written): void {
    if (sizeBytes !== null) {
      this.#platter.resize(Math.min(this.#platter.size, keptBytes))
      this.#platter.resize(sizeBytes)
    }
    for (const [sector, content] of sectors) {
      // Another sync may have taken the size, and be still under way: bytes take the size along.
      const end = Math.min(sector * SECTOR_BYTES + content.length, this.#cache.size)
      if (end > this.#platter.size) this.#platter.resize(end)
      content.copy(this.#platter.view, sector * SECTOR_BYTES)
    }
  }

  /**
   * The power fails: of what is dirty, anything may have reached the platter, and nothing else is
   * left.
   */
  crash(random: Random): void {
    const { sizeBytes, sectors } = this.takeDirty()
    const platter = this.#platter
    const oldBytes = platter.size
    if (sizeBytes !== null) platter.resize(oldBytes + Math.round((sizeBytes - oldBytes) * random()))
    for (const [sector, content] of sectors) {
      const target = sectorOf(platter.view, sector)
      const dice = random()
      if (dice < 0.5) content.copy(target)
      else if (dice < 0.75 && sector * SECTOR_BYTES >= oldBytes) {
        for (let i = 0; i < target.length; i++) target[i] = Math.floor(random() * 256)
      }
    }
    this.#cache.resize(platter.size)
    this.#cache.view.set(platter.view)
  }

  /** A bit turns over, on the platter and in what has been read from it. */
  flip(offset: number, bit: number): void {
    for (const { view } of [this.#cache, this.#platter]) {
      const byte = view[offset]
      if (byte !== undefined) view[offset] = byte ^ (1 << bit)
    }
  }
}

/** Bytes that grow without being copied each time. What is new is zero. */
class Bytes {
  #buffer = Buffer.alloc(0)
  size = 0

  get view(): Buffer {
    return this.#buffer.subarray(0, this.size)
  }

  resize(size: number): void {
    if (size > this.#buffer.length) {
      const grown = Buffer.alloc(Math.max(size, 2 * this.#buffer.length, SECTOR_BYTES))
      this.view.copy(grown)
      this.#buffer = grown
    } else if (size < this.size) {
      this.#buffer.fill(0, size, this.size)
    }
    this.size = size
  }
}

function sectorOf(content: Buffer, sector: number): Buffer {
  return content.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES)
}
