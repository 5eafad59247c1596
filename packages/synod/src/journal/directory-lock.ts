import { lstat, open, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { createConnection, createServer } from 'node:net'
import type { Server } from 'node:net'
import { join, resolve } from 'node:path'
import { SynodError } from '../errors.js'

const SOCKET = 'lock'
const GUARD = 'lock.guard'

/** The shortest `sun_path` around (macOS), less its closing zero. */
const MAX_SOCKET_PATH_BYTES = 103

/**
 * Takes a directory for one process of this machine. The owner listens on a unix socket in it, which the
 * kernel closes when the process ends, in whatever way: a socket that refuses a connection is left over.
 * Nobody is ever asked anything; that the kernel accepts the connection says enough.
 *
 * To find a left-over socket and to put one's own in its place are two steps. A second starter between them
 * would remove the lock of the first, so that both steps are taken under a guard: a file that only one can
 * create. A process that dies in the microseconds while it holds the guard leaves it behind for a human.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const guard = resolve(directory, GUARD)
  await takeGuard(guard)
  try {
    return await takeSocket(resolve(directory))
  } finally {
    await unlink(guard)
  }
}

async function takeGuard(guard: string): Promise<void> {
  try {
    const handle = await open(guard, 'wx')
    await handle.close()
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    throw new SynodError(
      'directory-in-use',
      `another process is starting on this directory, or one died while it did: ` +
        `if no process uses the directory, remove ${guard} and start again`,
      { cause: error },
    )
  }
}

async function takeSocket(directory: string): Promise<() => Promise<void>> {
  const { path, handle } = await socketPath(directory)
  try {
    if (await isListenedOn(path)) {
      throw new SynodError(
        'directory-in-use',
        `${directory} is in use by a running process: ` +
          `stop that process, or give this server a directory of its own`,
      )
    }
    const server = await listen(path)
    return async () => {
      await close(server)
      await handle?.close()
    }
  } catch (error) {
    await handle?.close()
    throw error
  }
}

/** A path to the socket that is short enough for the kernel, and the handle that it leads through, if any. */
async function socketPath(directory: string): Promise<{ path: string; handle?: FileHandle }> {
  const path = join(directory, SOCKET)
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return { path }
  if (process.platform !== 'linux') {
    throw new SynodError(
      'invalid-options',
      `the path of the data directory is too long for the lock in it: ${path} has ` +
        `${Buffer.byteLength(path)} bytes, and the system allows ${MAX_SOCKET_PATH_BYTES}`,
    )
  }
  const handle = await open(directory, 'r')
  return { path: `/proc/self/fd/${handle.fd}/${SOCKET}`, handle }
}

/** Whether a live process listens on the socket. A left-over socket is removed. */
async function isListenedOn(path: string): Promise<boolean> {
  try {
    const found = await lstat(path)
    if (!found.isSocket())
      throw new SynodError(
        'directory-in-use',
        `${path} is not a lock of Synod: remove it if no process uses the directory`,
      )
    await connect(path)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    // The owner is there, only its queue of connections is full.
    if (codeOf(error) === 'EAGAIN') return true
    if (codeOf(error) !== 'ECONNREFUSED') throw error
    await unlink(path)
    return false
  }
}

function connect(path: string): Promise<void> {
  return new Promise((done, failed) => {
    const socket = createConnection(path, () => {
      socket.destroy()
      done()
    })
    socket.once('error', failed)
  })
}

function listen(path: string): Promise<Server> {
  return new Promise((done, failed) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', failed)
    // Exclusive: a worker of node:cluster must own the socket itself, not share its parent's.
    server.listen({ path, exclusive: true }, () => {
      server.off('error', failed)
      server.unref()
      done(server)
    })
  })
}

/** Removes the socket too. */
function close(server: Server): Promise<void> {
  return new Promise((done) => server.close(() => done()))
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
