import { constants } from 'node:fs'
import { mkdir, open as openOnce, readdir, readFile, rename, stat, statfs, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { lockDirectory } from './directory-lock.js'
import type { Disk, DiskFile, OpenMode } from './disk.js'

/**
 * A process that has no descriptor left to open a file with waits for one: for so long, looking so
 * often.
 */
const DESCRIPTOR_PATIENCE_MS = 30_000
const DESCRIPTOR_LOOK_MS = 50

const FLAGS: Readonly<Record<OpenMode, string>> = { create: 'wx', replace: 'w', existing: 'r+' }

/** The file system of the machine, through node:fs. Linux and macOS. */
export const nodeDisk: Disk = {
  makeDirectory,
  list: (directory) => readdir(directory),
  read: (path) => readFile(path),
  readPart,
  size: async (path) => (await stat(path)).size,
  free,
  open: async (path, mode) => new NodeFile(await open(path, FLAGS[mode])),
  rename,
  remove: unlink,
  syncDirectory,
  lock: lockDirectory,
}

/**
 * Nothing is lost by trying again where a file could not be opened for want of descriptors, and
 * they may be back at any time.
 */
async function open(path: string, flags: string | number): Promise<FileHandle> {
  for (let waitedMs = 0; ; waitedMs += DESCRIPTOR_LOOK_MS) {
    try {
      return await openOnce(path, flags)
    } catch (error) {
      const isShort = hasCode(error, 'EMFILE') || hasCode(error, 'ENFILE')
      if (!isShort || waitedMs >= DESCRIPTOR_PATIENCE_MS) throw error
    }
    await delay(DESCRIPTOR_LOOK_MS)
  }
}

class NodeFile implements DiskFile {
  readonly #handle: FileHandle
  /** The same file, opened so that each write is durable; null where the system has no such way. */
  #durable: Promise<FileHandle | null> | undefined

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  write(bytes: Uint8Array, position: number): Promise<void> {
    return writeAll(this.#handle, bytes, position)
  }

  async writeDurably(bytes: Uint8Array, position: number): Promise<void> {
    const durable = await (this.#durable ??= openDurably(this.#handle))
    await writeAll(durable ?? this.#handle, bytes, position)
    if (durable === null) await this.sync()
  }

  sync(): Promise<void> {
    return this.#handle.datasync()
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#handle.truncate(sizeBytes)
  }

  async close(): Promise<void> {
    try {
      await (await this.#durable)?.close()
    } finally {
      await this.#handle.close()
    }
  }
}

/**
 * With O_DSYNC a write and its sync are one call, and one trip to the thread pool. The file is
 * found by its descriptor, as its name may have changed. On macOS O_DSYNC leaves what was written
 * in the cache of the drive.
 */
async function openDurably({ fd }: FileHandle): Promise<FileHandle | null> {
  if (process.platform !== 'linux') return null
  return openOnce(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_DSYNC).catch(() => null)
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0
  do {
    const result = await handle.write(bytes, written, bytes.length - written, position + written)
    written += result.bytesWritten
  } while (written < bytes.length)
}

async function readPart(path: string, position: number, length: number): Promise<Buffer> {
  const handle = await open(path, 'r')
  try {
    const buffer = Buffer.allocUnsafe(length)
    let read = 0
    while (read < length) {
      const { bytesRead } = await handle.read(buffer, read, length - read, position + read)
      if (bytesRead === 0) break
      read += bytesRead
    }
    return buffer.subarray(0, read)
  } finally {
    await handle.close()
  }
}

async function free(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize
}

/**
 * From the top down, each name made durable before the next directory is made: so a crash in
 * between leaves at most the deepest one with a name that is not durable, and the next call begins
 * by making it so.
 */
async function makeDirectory(path: string): Promise<void> {
  const missing: string[] = []
  let deepest = resolve(path)
  while (!(await exists(deepest))) {
    missing.push(deepest)
    deepest = dirname(deepest)
  }
  await mkdir(deepest, { recursive: true }).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error
    throw Object.assign(new Error(`${deepest} is a file: give a directory`, { cause: error }), {
      code: 'EEXIST',
    })
  })
  try {
    await syncDirectory(dirname(deepest))
  } catch (error) {
    // A directory that this process may not read is not one that it made something in.
    if (!hasCode(error, 'EACCES')) throw error
  }
  for (const directory of missing.reverse()) {
    // Another replica that starts at the same moment may have made it meanwhile.
    await mkdir(directory, { recursive: true })
    await syncDirectory(dirname(directory))
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
