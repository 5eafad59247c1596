import { randomBytes } from 'node:crypto'
import { access, lstat, open, readdir, rename, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { createConnection, createServer } from 'node:net'
import type { Server } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SynodError } from '../errors.js'

/** The socket of the owner. That of a starter has a dot and a random number behind it. */
const SOCKET = 'lock'
const STARTER = /^lock\.[0-9a-f]{16}$/

/** The shortest `sun_path` around (macOS), less its closing zero. */
const MAX_SOCKET_PATH_BYTES = 103

/**
 * What the kernel says of a socket that is gone, left over, or closed before it took the
 * connection.
 */
const NOT_LISTENED_ON: ReadonlySet<unknown> = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET'])

/**
 * How often, and how many times, a starter looks whether the one that it goes before has given up.
 */
const LOOK_AGAIN_MS = 10
const LOOKS = 1000

/**
 * Takes a directory for one process of this machine. Starter and owner listen on unix sockets in
 * it, which the kernel closes with their process. A starter renames its socket to the owner's only
 * if no other is alive (docs/decisions/0022-a-lock-that-leaves-nothing.md has the proof).
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const path = resolve(directory)
  // Of a socket in a directory that is missing, the error would be EACCES.
  await access(path)
  const handle = await openIfLong(path)
  // Names in the directory that are short enough for the kernel.
  const short = handle === undefined ? path : `/proc/self/fd/${handle.fd}`
  try {
    const server = await takeSocket(short, path)
    let held = true
    return async () => {
      // By now another process may be the owner.
      if (!held) return
      held = false
      // First: once the socket is closed, the name may be the next owner's.
      await unlink(join(short, SOCKET))
      await close(server)
      await handle?.close()
    }
  } catch (error) {
    await handle?.close()
    throw error
  }
}

/** Takes the socket of the owner, and listens on it. `shown` is how messages name the directory. */
async function takeSocket(directory: string, shown: string): Promise<Server> {
  for (;;) {
    const own = `${SOCKET}.${randomBytes(8).toString('hex')}`
    const server = await listen(join(directory, own))
    try {
      const dead = await requireAlone(directory, own, shown)
      await rename(join(directory, own), join(directory, SOCKET))
      for (const name of dead) await removeIfThere(join(directory, name))
      return server
    } catch (error) {
      await close(server)
      // Another starter looked before this one listened, took the name for one left over, and
      // removed it.
      if (codeOf(error) !== 'ENOENT') throw error
    }
  }
}

/**
 * Resolves with the names of starters that are left over when no other process starts or is the
 * owner. Of several starters those with higher names give up, and the one with the lowest name
 * waits for that.
 */
async function requireAlone(directory: string, own: string, shown: string): Promise<string[]> {
  for (let look = 0; look < LOOKS; look++) {
    if (look > 0) await sleep(LOOK_AGAIN_MS)
    const starters = (await readdir(directory)).filter((name) => STARTER.test(name) && name !== own)
    const alive: string[] = []
    const dead: string[] = []
    for (const name of starters) {
      if (await isListenedOn(join(directory, name))) alive.push(name)
      else dead.push(name)
    }
    // Last: a starter that became the owner meanwhile may be missing above, and is found here.
    if (await isListenedOn(join(directory, SOCKET)))
      throw inUse(`${shown} is in use by a running process`, 'stop that process')
    if (alive.length === 0) return dead
    if (alive.some((name) => name < own)) break
  }
  throw inUse(`another process is starting on ${shown}`, 'start one of them')
}

function inUse(what: string, remedy: string): SynodError {
  return new SynodError('directory-in-use', `${what}: ${remedy}, or give this server a directory of its own`)
}

/**
 * Opens a directory whose path is too long for that of a socket: there is a short path through the
 * handle.
 */
async function openIfLong(directory: string): Promise<FileHandle | undefined> {
  const sizeBytes = Buffer.byteLength(join(directory, `${SOCKET}.0123456789abcdef`))
  if (sizeBytes <= MAX_SOCKET_PATH_BYTES) return undefined
  if (process.platform === 'linux') return open(directory, 'r')
  throw new SynodError(
    'invalid-options',
    `the path of the data directory is too long for the lock in it: a socket in ${directory} has ` +
      `${sizeBytes} bytes, and the system allows ${MAX_SOCKET_PATH_BYTES}`,
  )
}

/** Whether a live process listens on the socket. */
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
    // The owner is there, only its queue of connections is full.
    if (codeOf(error) === 'EAGAIN') return true
    if (NOT_LISTENED_ON.has(codeOf(error))) return false
    throw error
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
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
    // Once it listens, an error is that of a connection that could not be accepted: for want of
    // descriptors, say.
    server.on('error', failed)
    // Exclusive: a worker of node:cluster must own the socket itself, not share its parent's.
    server.listen({ path, exclusive: true }, () => {
      server.unref()
      done(server)
    })
  })
}

/** Removes the name that the server began to listen at, too, if it is still there. */
function close(server: Server): Promise<void> {
  return new Promise((done) => server.close(() => done()))
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
