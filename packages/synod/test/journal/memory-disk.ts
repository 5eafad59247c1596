import { basename, dirname } from 'node:path'
import { SynodError } from '../../src/errors.js'
import type { Disk, DiskFile, OpenMode } from '../../src/journal/disk.js'

/*
 * A disk in memory, with its faults.
 *
 * A file is what processes see of it (the page cache) and what is on the platter. A write changes the cache
 * and marks sectors dirty; a sync brings dirty sectors and the size to the platter. A sync that fails marks
 * them clean all the same, as Linux does: they are still read back, and no later sync writes them.
 *
 * `crash` is a power failure. Of what was not synced, each sector that is on the platter stays old or gets
 * new; each sector beyond gets new, zeros or garbage; the size is any between old and new; each change of a
 * name in a directory has happened or not. `restart` is the end of the process alone: the cache stays.
 */

export const SECTOR_BYTES = 512

interface File {
  cache: Buffer
  platter: Buffer
  readonly dirty: Set<number>
  sizeDirty: boolean
}

interface Directory {
  names: Map<string, File>
  durableNames: Map<string, File>
  /** Changes of names that are not durable yet, in order. */
  pending: ((names: Map<string, File>) => void)[]
}

/** A number from 0 up to, not including, 1. */
export type Random = () => number

/** With this, a crash loses whatever it can. */
export const LOSE: Random = () => 0.99

export type Fault = 'write' | 'sync' | 'syncDirectory'

export class MemoryDisk implements Disk {
  readonly counts = { writes: 0, syncs: 0, directorySyncs: 0 }
  readonly #directories = new Map<string, Directory>()
  readonly #locked = new Set<string>()
  readonly #faults: Fault[] = []
  #lives = Infinity
  #epoch = 0
  #hold: Hold | null = null

  /** The next call of this kind fails, once. */
  failNext(fault: Fault): void {
    this.#faults.push(fault)
  }

  /** The process can change the disk this many times more; the next change, and all after, do not come to pass. */
  dieAfter(changes: number): void {
    this.#lives = changes
  }

  /** From now on every `sync` of a file waits, until the hold is released. */
  holdSyncs(): Hold {
    return (this.#hold = new Hold())
  }

  /** The process ends: its files are closed and its locks are gone. */
  restart(): void {
    this.#epoch++
    this.#locked.clear()
    this.#faults.length = 0
    this.#lives = Infinity
    this.#hold = null
  }

  /** The power fails. */
  crash(random: Random): void {
    this.restart()
    for (const directory of this.#directories.values()) {
      for (const change of directory.pending) if (random() < 0.5) change(directory.durableNames)
      directory.pending = []
      directory.names = new Map(directory.durableNames)
      for (const file of directory.names.values()) crashFile(file, random)
    }
  }

  /** Changes what is in a file, cache and platter alike: a fault, or a test that sets a scene. */
  put(path: string, content: Uint8Array): void {
    const file = {
      cache: Buffer.from(content),
      platter: Buffer.from(content),
      dirty: new Set<number>(),
      sizeDirty: false,
    }
    const directory = this.#directory(dirname(path))
    directory.names.set(basename(path), file)
    directory.durableNames.set(basename(path), file)
  }

  /** What processes see in all files of a directory, copied. */
  snapshot(path: string): Map<string, Buffer> {
    const { names } = this.#directory(path)
    return new Map([...names].map(([name, file]) => [name, Buffer.from(file.cache)]))
  }

  async makeDirectory(path: string): Promise<void> {
    if (this.#directories.has(path)) return
    this.#live()
    this.#directories.set(path, { names: new Map(), durableNames: new Map(), pending: [] })
  }

  async list(directory: string): Promise<string[]> {
    return [...this.#directory(directory).names.keys()]
  }

  async read(path: string): Promise<Buffer> {
    return Buffer.from(this.#file(path).cache)
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const directory = this.#directory(dirname(path))
    const name = basename(path)
    if (mode === 'create' && directory.names.has(name)) throw new Error(`EEXIST: ${path}`)
    if (mode === 'existing') return this.#handle(this.#file(path))
    this.#live()
    const file: File = {
      cache: Buffer.alloc(0),
      platter: Buffer.alloc(0),
      dirty: new Set(),
      sizeDirty: false,
    }
    change(directory, (names) => names.set(name, file))
    return this.#handle(file)
  }

  async rename(from: string, to: string): Promise<void> {
    const file = this.#file(from)
    this.#live()
    change(this.#directory(dirname(to)), (names) => {
      names.delete(basename(from))
      names.set(basename(to), file)
    })
  }

  async remove(path: string): Promise<void> {
    this.#file(path)
    this.#live()
    change(this.#directory(dirname(path)), (names) => names.delete(basename(path)))
  }

  async syncDirectory(path: string): Promise<void> {
    this.#live()
    this.counts.directorySyncs++
    this.#fault('syncDirectory')
    const directory = this.#directory(path)
    directory.durableNames = new Map(directory.names)
    directory.pending = []
  }

  async lock(directory: string): Promise<() => Promise<void>> {
    if (this.#locked.has(directory)) throw new SynodError('directory-in-use', `${directory} is in use.`)
    this.#locked.add(directory)
    return async () => {
      this.#locked.delete(directory)
    }
  }

  #handle(file: File): DiskFile {
    const epoch = this.#epoch
    let open = true
    const check = () => {
      if (!open || epoch !== this.#epoch) throw new Error('EBADF: the file is closed')
      this.#live()
    }
    return {
      write: async (bytes, position) => {
        check()
        this.counts.writes++
        const failed = this.#takeFault('write')
        writeCache(file, failed ? bytes.subarray(0, bytes.length >> 1) : bytes, position)
        if (failed) throw new Error('ENOSPC: no space left on device')
      },
      sync: async () => {
        check()
        this.counts.syncs++
        const written = takeDirty(file)
        await this.#hold?.wait()
        if (epoch !== this.#epoch) throw new Error('EBADF: the process is gone')
        this.#fault('sync')
        toPlatter(file, written)
      },
      truncate: async (size_bytes) => {
        check()
        file.cache = Buffer.from(file.cache.subarray(0, size_bytes))
        file.sizeDirty = true
      },
      close: async () => {
        open = false
      },
    }
  }

  #directory(path: string): Directory {
    const directory = this.#directories.get(path)
    if (directory === undefined) throw new Error(`ENOENT: ${path}`)
    return directory
  }

  #file(path: string): File {
    const file = this.#directory(dirname(path)).names.get(basename(path))
    if (file === undefined) throw new Error(`ENOENT: ${path}`)
    return file
  }

  #live(): void {
    if (this.#lives <= 0) throw new Error('EIO: the process is gone')
    this.#lives--
  }

  #takeFault(fault: Fault): boolean {
    const index = this.#faults.indexOf(fault)
    if (index < 0) return false
    this.#faults.splice(index, 1)
    return true
  }

  #fault(fault: Fault): void {
    if (this.#takeFault(fault)) throw new Error(`EIO: ${fault} failed`)
  }
}

/** Syncs that wait. */
export class Hold {
  readonly #reached = deferred()
  readonly #released = deferred()

  /** Resolves when the first sync waits. */
  get reached(): Promise<void> {
    return this.#reached.promise
  }

  release(): void {
    this.#released.resolve()
  }

  wait(): Promise<void> {
    this.#reached.resolve()
    return this.#released.promise
  }
}

interface Written {
  readonly size: number | null
  readonly sectors: readonly (readonly [sector: number, content: Buffer])[]
}

/** What a sync has to write, as it is when it begins. */
function takeDirty(file: File): Written {
  const sectors = [...file.dirty].map(
    (sector) => [sector, Buffer.from(sectorOf(file.cache, sector))] as const,
  )
  const size = file.sizeDirty ? file.cache.length : null
  file.dirty.clear()
  file.sizeDirty = false
  return { size, sectors }
}

function toPlatter(file: File, { size, sectors }: Written): void {
  if (size !== null) file.platter = resized(file.platter, size)
  for (const [sector, content] of sectors) content.copy(file.platter, sector * SECTOR_BYTES)
}

function writeCache(file: File, bytes: Uint8Array, position: number): void {
  const end = position + bytes.length
  if (end > file.cache.length) {
    file.cache = resized(file.cache, end)
    file.sizeDirty = true
  }
  file.cache.set(bytes, position)
  for (let s = Math.floor(position / SECTOR_BYTES); s * SECTOR_BYTES < end; s++) file.dirty.add(s)
}

function crashFile(file: File, random: Random): void {
  const { size, sectors } = takeDirty(file)
  const old_bytes = file.platter.length
  if (size !== null)
    file.platter = resized(file.platter, old_bytes + Math.round((size - old_bytes) * random()))
  for (const [sector, content] of sectors) {
    const target = sectorOf(file.platter, sector)
    const chance = random()
    if (chance < 0.5) content.copy(target)
    else if (chance < 0.75 && sector * SECTOR_BYTES >= old_bytes) {
      for (let i = 0; i < target.length; i++) target[i] = Math.floor(random() * 256)
    }
  }
  file.cache = Buffer.from(file.platter)
}

function change(directory: Directory, apply: (names: Map<string, File>) => void): void {
  apply(directory.names)
  directory.pending.push(apply)
}

function sectorOf(content: Buffer, sector: number): Buffer {
  return content.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES)
}

/** A copy with another size: cut off, or filled up with zeros. */
function resized(content: Buffer, size_bytes: number): Buffer {
  const copy = Buffer.alloc(size_bytes)
  content.copy(copy)
  return copy
}

function deferred() {
  let resolve!: () => void
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}
