/**
 * The file system that journal and snapshots stand on, so that a simulated disk can replace a real
 * one. Each method rejects with the error of the system, with its `code` (such as `ENOENT`, or
 * `ENOTDIR` for a path through a file); what it left behind is unknown then.
 */
export interface Disk {
  /**
   * Makes a directory and those above it, where they are missing. Their names are durable
   * afterwards. Rejects with `EEXIST` if a file has the name.
   */
  makeDirectory(path: string): Promise<void>
  /** The names of files and directories in a directory, in no order. `lock` adds a name. */
  list(directory: string): Promise<string[]>
  /** A whole file. */
  read(path: string): Promise<Buffer>
  /**
   * Up to `length` bytes of a file from `position` on: fewer where it ends, and none beyond its
   * end.
   */
  readPart(path: string, position: number, length: number): Promise<Buffer>
  /** Of a file, in bytes. */
  size(path: string): Promise<number>
  /**
   * How many bytes this process may still add to files in a directory, as far as the system says: a
   * quota may allow less. Rewriting bytes that a file has takes none of them.
   */
  free(directory: string): Promise<number>
  open(path: string, mode: OpenMode): Promise<DiskFile>
  /** Gives a file, not a directory, another name or directory. It replaces a file of that name. */
  rename(from: string, to: string): Promise<void>
  /** Removes the name of a file. */
  remove(path: string): Promise<void>
  /** Makes durable which names are in a directory. */
  syncDirectory(path: string): Promise<void>
  /**
   * Takes a directory for this process, until the function returned is called or the process ends
   * in any way. A second call of it does nothing. The name `lock` in the directory belongs to the
   * lock.
   *
   * @throws SynodError `directory-in-use` when the directory is taken, by this process too
   */
  lock(directory: string): Promise<() => Promise<void>>
}

/**
 * - `create`: makes a file; `EEXIST` if it is there.
 * - `replace`: makes an empty file, or empties the one that is there, for all who have it open.
 * - `existing`: takes a file as it is; `ENOENT` if it is not there.
 */
export type OpenMode = 'create' | 'replace' | 'existing'

/**
 * A file open for writing. It stays open when its name changes or is removed. After `close`, all
 * methods but `close` reject with `EBADF`.
 */
export interface DiskFile {
  /**
   * Writes all of `bytes`, which must not change meanwhile, at `position`, counted in bytes. Beyond
   * the end of the file, zeros fill the gap.
   */
  write(bytes: Uint8Array, position: number): Promise<void>
  /**
   * The same, and what was written is durable, with the size of the file. Where it rejects, part of
   * it may be durable.
   */
  writeDurably(bytes: Uint8Array, position: number): Promise<void>
  /** Makes durable what was written, and the size of the file. */
  sync(): Promise<void>
  /** Cuts the file, or extends it with zeros. */
  truncate(sizeBytes: number): Promise<void>
  /** Closes the file after the operations under way. */
  close(): Promise<void>
}
