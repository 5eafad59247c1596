import { join, resolve } from 'node:path'
import { SynodError } from 'synod/internal/errors.js'
import type { Disk, DiskFile, OpenMode } from 'synod/internal/storage/disk.js'
import { Directories } from './directories.js'
import { MemoryFile, type Random } from './file.js'
import { PendingWork } from './pending-work.js'
import { systemError } from './system-error.js'

/*
 * A disk in memory, with its faults: the page cache, which processes see, and the platter. A failed
 * sync marks sectors clean, as Linux does. `crash` is a power failure; `restart` ends the process
 * alone. docs/internals/fault-model.md says what each leaves.
 */

/** With this, a crash loses all that it can. */
export const LOSE_ALL: Random = () => 0.99

/** What has the name `lock` in a directory that is taken, or was when its process ended. */
const LOCK_SOCKET = new MemoryFile()

export type DiskOperation = 'write' | 'sync' | 'syncDirectory'

export class MemoryDisk implements Disk {
  readonly counts = { writes: 0, syncs: 0, directorySyncs: 0 }
  /** How many bytes all files together may have; infinite unless set. */
  capacityBytes = Infinity
  /**
   * How many turns of the event loop pass before a write takes place, before a sync begins, and
   * before it ends: what is under way together comes in any order, as on a real system.
   */
  lag: () => number = () => 0
  /** Called when a file has been synced, with what is on the platter now. */
  onSynced: ((path: string, content: Buffer) => void) | undefined
  readonly #directories = new Directories()
  readonly #locked = new Set<string>()
  readonly #faults: DiskOperation[] = []
  #lives = Infinity
  #epoch = 0
  #hold: HeldSyncs | null = null

  /** The next call of this kind fails, once. */
  failNext(fault: DiskOperation): void {
    this.#faults.push(fault)
  }

  /** Nothing that was to go wrong will; there is room again. */
  clearFaults(): void {
    this.#faults.length = 0
    this.#lives = Infinity
    this.capacityBytes = Infinity
  }

  /** From now on only this many more bytes can be written. */
  fill(leftBytes = 0): void {
    this.capacityBytes = this.#directories.usedBytes + leftBytes
  }

  /**
   * The process can change the disk this many times more; the next change, and all after, do not
   * come to pass.
   */
  dieAfter(changes: number): void {
    this.#lives = changes
  }

  /** From now on every `sync` of a file waits, until the hold is released. */
  holdSyncs(): HeldSyncs {
    return (this.#hold = new HeldSyncs())
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
    this.#directories.crash(random)
  }

  /** Changes what is in a file, cache and platter alike: a fault, or a test that sets a scene. */
  put(path: string, content: Uint8Array): void {
    this.#directories.put(path, new MemoryFile(content))
  }

  /** The system has had the time to write everything to the platter that it was given. */
  writeBack(): void {
    this.#directories.writeBack()
  }

  /** A bit of what is stored turns over. */
  flip(path: string, offset: number, bit: number): void {
    this.#directories.file(path, 'open').flip(offset, bit)
  }

  /** What a power failure leaves of a directory at least, on a disk of its own. */
  durable(path: string): MemoryDisk {
    return MemoryDisk.with(path, this.#directories.durableFiles(path))
  }

  /** A disk with these files in a directory. */
  static with(path: string, files: ReadonlyMap<string, Uint8Array>): MemoryDisk {
    const disk = new MemoryDisk()
    for (const directory of disk.#directories.missing(path)) disk.#directories.make(directory)
    for (const [name, content] of files) disk.put(join(path, name), content)
    return disk
  }

  /** Puts a directory back as it was: these files are in it, and no others. */
  restore(path: string, files: ReadonlyMap<string, Uint8Array>): void {
    for (const name of this.#directories.files(path).keys()) this.#directories.drop(join(path, name))
    for (const [name, content] of files) this.put(join(path, name), content)
  }

  /** What processes see in all files of a directory, copied. */
  snapshot(path: string): Map<string, Buffer> {
    const files = [...this.#directories.files(path)].filter(([, file]) => file !== LOCK_SOCKET)
    return new Map(files.map(([name, file]) => [name, Buffer.from(file.content)]))
  }

  async makeDirectory(path: string): Promise<void> {
    for (const directory of this.#directories.missing(path)) {
      this.#live()
      this.#directories.make(directory)
    }
  }

  async list(directory: string): Promise<string[]> {
    return this.#directories.list(directory, 'scandir')
  }

  async read(path: string): Promise<Buffer> {
    return Buffer.from(this.#readable(path).content)
  }

  async readPart(path: string, position: number, length: number): Promise<Buffer> {
    return Buffer.from(this.#readable(path).content.subarray(position, position + length))
  }

  async size(path: string): Promise<number> {
    return this.#directories.file(path, 'stat').content.length
  }

  async free(directory: string): Promise<number> {
    this.#directories.list(directory, 'statfs')
    return this.#freeBytes
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const there = this.#directories.find(path, 'open')
    if (mode === 'create' && there !== undefined) throw systemError('EEXIST', 'open', path)
    if (mode === 'existing' || there !== undefined) {
      const file = this.#readable(path)
      if (mode === 'replace') {
        this.#live()
        file.truncate(0)
      }
      return this.#handle(path, file)
    }
    this.#live()
    if (this.#freeBytes <= 0) throw systemError('ENOSPC', 'open', path)
    const file = new MemoryFile()
    this.#directories.add(path, file)
    return this.#handle(path, file)
  }

  async rename(from: string, to: string): Promise<void> {
    this.#directories.file(from, 'rename')
    this.#live()
    this.#directories.rename(from, to)
  }

  async remove(path: string): Promise<void> {
    this.#directories.file(path, 'unlink')
    this.#live()
    this.#directories.remove(path)
  }

  async syncDirectory(path: string): Promise<void> {
    this.#live()
    this.counts.directorySyncs++
    this.#fault('syncDirectory', 'fsync')
    this.#directories.sync(path)
  }

  async lock(directory: string): Promise<() => Promise<void>> {
    const socket = join(resolve(directory), 'lock')
    const found = this.#directories.find(socket, 'access')
    if (this.#locked.has(socket) || (found !== undefined && found !== LOCK_SOCKET))
      throw new SynodError('directory-in-use', `${directory} is in use`)
    this.#locked.add(socket)
    this.#directories.put(socket, LOCK_SOCKET)
    const epoch = this.#epoch
    let held = true
    return async () => {
      if (!held || epoch !== this.#epoch) return
      held = false
      this.#locked.delete(socket)
      this.#directories.drop(socket)
    }
  }

  #handle(path: string, file: MemoryFile): DiskFile {
    const epoch = this.#epoch
    const pending = new PendingWork()
    let open = true
    const checkLife = (systemCall: string) => {
      if (epoch !== this.#epoch) throw systemError('EBADF', systemCall)
    }
    const check = (systemCall: string) => {
      if (!open) throw systemError('EBADF', systemCall)
      checkLife(systemCall)
      this.#live()
    }
    const write = async (bytes: Uint8Array, position: number) => {
      check('write')
      this.counts.writes++
      await this.#pass()
      checkLife('write')
      if (this.#takeFault('write')) {
        file.write(bytes.subarray(0, bytes.length >> 1), position)
        throw systemError('EIO', 'write')
      }
      const end = file.content.length + this.#freeBytes
      file.write(bytes.subarray(0, Math.max(0, end - position)), position)
      if (position + bytes.length > end) throw systemError('ENOSPC', 'write')
    }
    const sync = (beforeEnd?: () => void) =>
      pending.run(async () => {
        check('fdatasync')
        this.counts.syncs++
        await this.#pass()
        checkLife('fdatasync')
        const written = file.takeDirty()
        const ends = deferred()
        const others = file.underWay(written)
        file.syncing.set(written, ends.promise)
        try {
          await others
          await this.#pass()
          await this.#hold?.wait()
          checkLife('fdatasync')
          this.#fault('sync', 'fdatasync')
          file.toPlatter(written)
          beforeEnd?.()
          this.onSynced?.(path, file.durable)
        } finally {
          file.syncing.delete(written)
          ends.resolve()
        }
      })
    return {
      write,
      writeDurably: async (bytes, position) => {
        await write(bytes, position)
        await sync(() => {
          // The system reads the bytes when it likes, until it has written them.
          const written = file.content.subarray(position, position + bytes.length)
          if (written.equals(bytes)) return
          file.write(bytes, position)
          file.toPlatter(file.takeDirty())
        })
      },
      sync: () => sync(),
      truncate: async (sizeBytes) => {
        check('ftruncate')
        file.truncate(sizeBytes)
      },
      close: async () => {
        await pending.idle()
        open = false
      },
    }
  }

  get #freeBytes(): number {
    if (this.capacityBytes === Infinity) return Infinity
    return Math.max(0, this.capacityBytes - this.#directories.usedBytes)
  }

  /** A file that can be opened. */
  #readable(path: string): MemoryFile {
    const file = this.#directories.file(path, 'open')
    if (file === LOCK_SOCKET) throw systemError('ENXIO', 'open', path)
    return file
  }

  async #pass(): Promise<void> {
    for (let left = this.lag(); left > 0; left--) await new Promise((done) => setImmediate(done))
  }

  #live(): void {
    if (this.#lives <= 0) throw systemError('EIO', 'the process is gone')
    this.#lives--
  }

  #takeFault(fault: DiskOperation): boolean {
    const index = this.#faults.indexOf(fault)
    if (index < 0) return false
    this.#faults.splice(index, 1)
    return true
  }

  #fault(fault: DiskOperation, systemCall: string): void {
    if (this.#takeFault(fault)) throw systemError('EIO', systemCall)
  }
}

/** Syncs that wait. */
export class HeldSyncs {
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

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
