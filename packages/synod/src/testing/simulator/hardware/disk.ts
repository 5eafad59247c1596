import { basename, dirname } from 'node:path'
import { SynodError } from '../../../errors.js'
import type { Disk, DiskFile, OpenMode } from '../../../journal/disk.js'
import { MemoryFile, type Random } from './file.js'

/*
 * A disk in memory, with its faults.
 *
 * A file is what processes see of it (the page cache) and what is on the platter. A write changes the cache
 * and marks sectors dirty; a sync brings dirty sectors and the size to the platter. A sync that fails marks
 * them clean all the same, as Linux does: they are still read back, and no later sync writes them. A disk that
 * is full takes half of a write and refuses the rest.
 *
 * `crash` is a power failure. Of what was not synced, each sector that is on the platter stays old or gets
 * new; each sector beyond gets new, zeros or garbage; the size is any between old and new; each change of a
 * name in a directory has happened or not. `restart` is the end of the process alone: the cache stays.
 */

interface Directory {
  names: Map<string, MemoryFile>
  durableNames: Map<string, MemoryFile>
  /** Changes of names that are not durable yet, in order. */
  pending: ((names: Map<string, MemoryFile>) => void)[]
}

/** With this, a crash loses whatever it can. */
export const LOSE: Random = () => 0.99

export type Fault = 'write' | 'sync' | 'syncDirectory'

export class MemoryDisk implements Disk {
  readonly counts = { writes: 0, syncs: 0, directorySyncs: 0 }
  /** While true, every write fails. */
  full = false
  /** Called when a file has been synced, with what is on the platter now. */
  onSynced: ((path: string, content: Buffer) => void) | undefined
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

  /** Nothing that was to go wrong will; there is room again. */
  clearFaults(): void {
    this.#faults.length = 0
    this.#lives = Infinity
    this.full = false
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
      for (const file of directory.names.values()) file.crash(random)
    }
  }

  /** Changes what is in a file, cache and platter alike: a fault, or a test that sets a scene. */
  put(path: string, content: Uint8Array): void {
    const file = new MemoryFile(content)
    const directory = this.#directory(dirname(path))
    directory.names.set(basename(path), file)
    directory.durableNames.set(basename(path), file)
  }

  /** The system has had the time to write everything to the platter that it was given. */
  writeBack(): void {
    for (const directory of this.#directories.values()) {
      directory.durableNames = new Map(directory.names)
      directory.pending = []
      for (const file of directory.names.values()) file.toPlatter(file.takeDirty())
    }
  }

  /** A bit of what is stored turns over. */
  flip(path: string, offset: number, bit: number): void {
    this.#file(path).flip(offset, bit)
  }

  /** What processes see in all files of a directory, copied. */
  snapshot(path: string): Map<string, Buffer> {
    const { names } = this.#directory(path)
    return new Map([...names].map(([name, file]) => [name, Buffer.from(file.content)]))
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
    return Buffer.from(this.#file(path).content)
  }

  async readPart(path: string, position: number, length: number): Promise<Buffer> {
    return Buffer.from(this.#file(path).content.subarray(position, position + length))
  }

  async size(path: string): Promise<number> {
    return this.#file(path).content.length
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const directory = this.#directory(dirname(path))
    const name = basename(path)
    if (mode === 'create' && directory.names.has(name)) throw new Error(`EEXIST: ${path}`)
    if (mode === 'existing') return this.#handle(path, this.#file(path))
    this.#live()
    if (this.full) throw noSpace()
    const file = new MemoryFile()
    change(directory, (names) => names.set(name, file))
    return this.#handle(path, file)
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
    if (this.#locked.has(directory)) throw new SynodError('directory-in-use', `${directory} is in use`)
    this.#locked.add(directory)
    return async () => {
      this.#locked.delete(directory)
    }
  }

  #handle(path: string, file: MemoryFile): DiskFile {
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
        const failed = this.full || this.#takeFault('write')
        file.write(failed ? bytes.subarray(0, bytes.length >> 1) : bytes, position)
        if (failed) throw noSpace()
      },
      sync: async () => {
        check()
        this.counts.syncs++
        const written = file.takeDirty()
        await this.#hold?.wait()
        if (epoch !== this.#epoch) throw new Error('EBADF: the process is gone')
        this.#fault('sync')
        file.toPlatter(written)
        this.onSynced?.(path, file.durable)
      },
      truncate: async (size_bytes) => {
        check()
        file.truncate(size_bytes)
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

  #file(path: string): MemoryFile {
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

function change(directory: Directory, apply: (names: Map<string, MemoryFile>) => void): void {
  apply(directory.names)
  directory.pending.push(apply)
}

function noSpace(): Error {
  return new Error('ENOSPC: no space left on device')
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
