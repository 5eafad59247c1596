import { basename, dirname, resolve } from 'node:path'
import type { MemoryFile } from './file.js'
import type { Random } from './file.js'
import { systemError } from './system-error.js'

interface Directory {
  names: Map<string, Entry>
  durableNames: Map<string, Entry>
}

/** What a name stands for. */
type Entry = MemoryFile | 'directory'

/** A change of names, in one directory or in two at once. */
interface Change {
  readonly directories: readonly Directory[]
  readonly apply: (namesOf: (directory: Directory) => Map<string, Entry>) => void
  /** It survives a power failure, though one before it may not. */
  isDurable: boolean
}

/** The directories of a disk: their names as processes see them and as they are on the platter. */
export class Directories {
  /** By path, the root among them. */
  readonly #all = new Map<string, Directory>([['/', { names: new Map(), durableNames: new Map() }]])
  /** Changes that may not be durable yet, in order. */
  #pending: Change[] = []

  /** What is at the path, if anything. Throws if there is no directory that it could be in. */
  find(path: string, systemCall: string): Entry | undefined {
    const whole = resolve(path)
    if (whole === '/') return 'directory'
    return this.#directory(dirname(whole), systemCall, path).names.get(basename(whole))
  }

  /** The file at the path. Throws if there is none. */
  file(path: string, systemCall: string): MemoryFile {
    const entry = this.find(path, systemCall)
    if (entry === undefined) throw systemError('ENOENT', systemCall, path)
    if (entry === 'directory') throw systemError('EISDIR', systemCall, path)
    return entry
  }

  list(path: string, systemCall: string): string[] {
    return [...this.#directory(resolve(path), systemCall, path).names.keys()]
  }

  /** Those in a directory, by name. */
  files(path: string): Map<string, MemoryFile> {
    const files = new Map<string, MemoryFile>()
    for (const [name, entry] of this.#directory(resolve(path), 'scandir', path).names)
      if (entry !== 'directory') files.set(name, entry)
    return files
  }

  /** What is on the platter of the files in a directory, by name. */
  durableFiles(path: string): Map<string, Buffer> {
    const files = new Map<string, Buffer>()
    for (const [name, entry] of this.#directory(resolve(path), 'scandir', path).durableNames)
      if (entry !== 'directory') files.set(name, Buffer.from(entry.durable))
    return files
  }

  /** What all files have together. */
  get usedBytes(): number {
    let usedBytes = 0
    for (const { names } of this.#all.values())
      for (const entry of names.values()) if (entry !== 'directory') usedBytes += entry.content.length
    return usedBytes
  }

  /** The missing directories on the way to a path, top down. Throws if a file is in the way. */
  missing(path: string): string[] {
    const missing: string[] = []
    for (let whole = resolve(path); !this.#all.has(whole); whole = dirname(whole)) {
      const isFile = this.#all.get(dirname(whole))?.names.has(basename(whole)) === true
      if (isFile) throw systemError(missing.length === 0 ? 'EEXIST' : 'ENOTDIR', 'mkdir', path)
      missing.unshift(whole)
    }
    return missing
  }

  /** Makes one directory, whose name is durable. Throws if the one above it is missing. */
  make(path: string): void {
    const whole = resolve(path)
    this.#put(whole, 'directory', path)
    this.#all.set(whole, { names: new Map(), durableNames: new Map() })
  }

  /** Puts a file where there may be another one; the name is durable. */
  put(path: string, file: MemoryFile): void {
    this.#put(resolve(path), file, path)
  }

  /** Takes a durable name away. */
  drop(path: string): void {
    const whole = resolve(path)
    const directory = this.#directory(dirname(whole), 'unlink', path)
    for (const names of [directory.names, directory.durableNames]) names.delete(basename(whole))
  }

  add(path: string, file: MemoryFile): void {
    const whole = resolve(path)
    const directory = this.#directory(dirname(whole), 'open', path)
    this.#change([directory], (namesOf) => namesOf(directory).set(basename(whole), file))
  }

  rename(from: string, to: string): void {
    const file = this.file(from, 'rename')
    if (this.find(to, 'rename') === 'directory') throw systemError('EISDIR', 'rename', from)
    const [old, fresh] = [resolve(from), resolve(to)]
    const source = this.#directory(dirname(old), 'rename', from)
    const target = this.#directory(dirname(fresh), 'rename', to)
    this.#change([source, target], (namesOf) => {
      namesOf(source).delete(basename(old))
      namesOf(target).set(basename(fresh), file)
    })
  }

  remove(path: string): void {
    const whole = resolve(path)
    this.file(path, 'unlink')
    const directory = this.#directory(dirname(whole), 'unlink', path)
    this.#change([directory], (namesOf) => namesOf(directory).delete(basename(whole)))
  }

  sync(path: string): void {
    const directory = this.#directory(resolve(path), 'open', path)
    for (const change of this.#pending) if (change.directories.includes(directory)) change.isDurable = true
    // What comes after a change that is not durable must still be applied after it.
    while (this.#pending[0]?.isDurable === true) this.#pending.shift()?.apply(durableNamesOf)
  }

  /** Everything becomes durable, what is in files too. */
  writeBack(): void {
    for (const change of this.#pending.splice(0)) change.apply(durableNamesOf)
    for (const directory of this.#all.values())
      for (const file of directory.names.values()) if (file !== 'directory') file.toPlatter(file.takeDirty())
  }

  /** The power fails. */
  crash(random: Random): void {
    for (const { apply, isDurable } of this.#pending.splice(0)) {
      if (isDurable || random() < 0.5) apply(durableNamesOf)
    }
    for (const directory of this.#all.values()) {
      directory.names = new Map(directory.durableNames)
      for (const file of directory.names.values()) if (file !== 'directory') file.crash(random)
    }
  }

  #put(path: string, entry: Entry, shown: string): void {
    const directory = this.#directory(dirname(path), 'open', shown)
    for (const names of [directory.names, directory.durableNames]) names.set(basename(path), entry)
  }

  #change(directories: readonly Directory[], apply: Change['apply']): void {
    apply(({ names }) => names)
    this.#pending.push({ directories, apply, isDurable: false })
  }

  #directory(path: string, systemCall: string, shown: string): Directory {
    const directory = this.#all.get(path)
    if (directory !== undefined) return directory
    const parent = this.#all.get(dirname(path)) ?? this.#directory(dirname(path), systemCall, shown)
    throw systemError(parent.names.has(basename(path)) ? 'ENOTDIR' : 'ENOENT', systemCall, shown)
  }
}

function durableNamesOf(directory: Directory): Map<string, Entry> {
  return directory.durableNames
}
