import type { Disk, DiskFile } from 'synod/internal/storage/disk.js'
import type { Clock } from 'synod/internal/clock.js'
import {
  type Address,
  NO_OWNER,
  type Network,
  type OpenSocket,
  type Socket,
  type SocketClosed,
  type SocketEvents,
  formatAddress,
} from 'synod/internal/net/transport/network.js'
import { systemError } from './system-error.js'

/** What a process has open before it does anything: its streams, and what its event loop needs. */
const OPEN_FROM_THE_START = 32

/**
 * The descriptors of one process. When all are taken, no file can be opened (the wait that a real
 * disk would have is left out: it is never to be needed), dialling fails, and who dials in is
 * dropped.
 */
export class Descriptors {
  readonly #limit: number
  readonly #onShort: () => void
  #open = OPEN_FROM_THE_START

  /** `onShort` is called when something is to be opened and cannot be. */
  constructor(limit: number, onShort: () => void = () => undefined) {
    this.#limit = limit
    this.#onShort = onShort
  }

  get open(): number {
    return this.#open
  }

  network(network: Network, clock: Clock): Network {
    return {
      connect: (address, events) =>
        this.#isShort()
          ? deadSocket(address, clock, events)
          : this.#socket((counted) => network.connect(address, counted), events),
      listen: async (address, onSocket) => {
        const listener = await network.listen(address, (open: OpenSocket) => {
          if (this.#isShort()) open(NO_OWNER).destroy()
          else onSocket((events) => this.#socket(open, events))
        })
        const release = this.#take()
        return {
          address: listener.address,
          close: () => {
            release()
            return listener.close()
          },
        }
      },
    }
  }

  disk(disk: Disk): Disk {
    const briefly = async <T>(work: () => Promise<T>): Promise<T> => {
      const release = this.#takeForFile()
      try {
        return await work()
      } finally {
        release()
      }
    }
    return {
      makeDirectory: (path) => disk.makeDirectory(path),
      list: (directory) => briefly(() => disk.list(directory)),
      read: (path) => briefly(() => disk.read(path)),
      readPart: (path, position, length) => briefly(() => disk.readPart(path, position, length)),
      free: (directory) => disk.free(directory),
      size: (path) => disk.size(path),
      open: async (path, mode) => {
        const release = this.#takeForFile()
        try {
          return closing(await disk.open(path, mode), release)
        } catch (error) {
          release()
          throw error
        }
      },
      rename: (from, to) => disk.rename(from, to),
      remove: (path) => disk.remove(path),
      syncDirectory: (path) => briefly(() => disk.syncDirectory(path)),
      lock: async (directory) => {
        const descriptor = this.#takeForFile()
        try {
          const release = await disk.lock(directory)
          return async () => {
            descriptor()
            await release()
          }
        } catch (error) {
          descriptor()
          throw error
        }
      },
    }
  }

  #isShort(): boolean {
    if (this.#open < this.#limit) return false
    this.#onShort()
    return true
  }

  /** Returns what gives it back, once. */
  #take(): () => void {
    let isOpen = true
    this.#open++
    return () => {
      if (isOpen) this.#open--
      isOpen = false
    }
  }

  #takeForFile(): () => void {
    if (this.#isShort()) throw systemError('EMFILE', 'open')
    return this.#take()
  }

  #socket(open: OpenSocket, events: SocketEvents): Socket {
    const release = this.#take()
    const socket = open({
      data: (chunk) => {
        events.data(chunk)
      },
      drained: () => {
        events.drained()
      },
      closed: (reason) => {
        release()
        events.closed(reason)
      },
    })
    return {
      remote: socket.remote,
      get unsentBytes() {
        return socket.unsentBytes
      },
      write: (bytes) => {
        socket.write(bytes)
      },
      pause: () => {
        socket.pause()
      },
      resume: () => {
        socket.resume()
      },
      close: () => {
        socket.close()
      },
      destroy: () => {
        release()
        socket.destroy()
      },
    }
  }
}

/** Fails, as one does for which there was no descriptor. */
function deadSocket(address: Address, clock: Clock, events: SocketEvents): Socket {
  let reason: SocketClosed = 'failed'
  clock.soon(() => {
    events.closed(reason)
  })
  const nothing = () => undefined
  const end = () => {
    reason = 'closed'
  }
  return {
    remote: formatAddress(address),
    unsentBytes: 0,
    write: nothing,
    pause: nothing,
    resume: nothing,
    close: end,
    destroy: end,
  }
}

function closing(file: DiskFile, release: () => void): DiskFile {
  return {
    write: (bytes, position) => file.write(bytes, position),
    writeDurably: (bytes, position) => file.writeDurably(bytes, position),
    sync: () => file.sync(),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    close: () => {
      release()
      return file.close()
    },
  }
}
