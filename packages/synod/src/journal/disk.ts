/**
 * Where the journal lives: the few things it asks of a file system, so that a simulated disk can stand in
 * for a real one. Every method rejects with the error of the system underneath; what it left behind is then
 * unknown.
 *
 * What is relied on: after `sync` the bytes of a file survive a power failure, and after `syncDirectory` the
 * names in a directory do. Before that anything may be left of a write, but a disk sector is never half
 * old and half new, and bytes beside those written stay as they are. A rename happens at once or not at all.
 */
export interface Disk {
  /** Makes a directory and those above it, where they are missing. Their names are durable afterwards. */
  makeDirectory(path: string): Promise<void>
  /** The names of what is in a directory, in no order. */
  list(directory: string): Promise<string[]>
  /** A whole file. */
  read(path: string): Promise<Buffer>
  /** Up to `length` bytes of a file from `position` on: fewer where it ends, and none beyond its end. */
  readPart(path: string, position: number, length: number): Promise<Buffer>
  /** In bytes. */
  size(path: string): Promise<number>
  open(path: string, mode: OpenMode): Promise<DiskFile>
  /** Gives a file another name; a file that had that name is gone. */
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Makes durable which names are in a directory. */
  syncDirectory(path: string): Promise<void>
  /**
   * Takes a directory for this process alone, until the function returned is called or the process ends in
   * whatever way. Rejects with a SynodError `directory-in-use` when it is taken, by this process too.
   */
  lock(directory: string): Promise<() => Promise<void>>
}

/** `create`: the file must not be there yet. `replace`: an empty file, whatever was there. `existing`: must be there. */
export type OpenMode = 'create' | 'replace' | 'existing'

/** A file open for writing. */
export interface DiskFile {
  /** Writes all of `bytes`, which must not change meanwhile, at `position`, counted in bytes. */
  write(bytes: Uint8Array, position: number): Promise<void>
  /** Makes durable what was written, and the size of the file. */
  sync(): Promise<void>
  truncate(size_bytes: number): Promise<void>
  close(): Promise<void>
}
