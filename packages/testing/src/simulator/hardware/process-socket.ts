import {
  NO_OWNER,
  type OpenSocket,
  type Socket,
  type SocketClosed,
  type SocketEvents,
} from 'synod/internal/net/transport/network.js'

/** How a process takes in what happens: now, or when it has caught up with what it missed. */
export interface EventRunner {
  readonly run: (event: () => void) => void
  /** The same, after the current call. */
  readonly later: (event: () => void) => void
}

/**
 * A socket of a process, which may hear of chunks long after they arrived. If its owner has paused
 * it by then, they wait for `resume`, and an orderly end of the connection behind them: as in the
 * kernel of a real machine.
 */
export class ProcessSocket implements Socket {
  readonly #socket: Socket
  #events: SocketEvents = NO_OWNER
  readonly #later: EventRunner['later']
  readonly #held: Uint8Array[] = []
  /** Why the connection ended, if that comes after what is held. */
  #heldEnd: SocketClosed | undefined
  #isPaused = false
  #isClosed = false

  /** The system opens it; what happens before the process takes it into use must wait in `run`. */
  constructor(open: OpenSocket, { run, later }: EventRunner) {
    this.#later = later
    this.#socket = open({
      data: (chunk) => {
        run(() => {
          this.#onData(chunk)
        })
      },
      drained: () => {
        run(() => {
          if (!this.#isClosed) this.#events.drained()
        })
      },
      closed: (reason) => {
        run(() => {
          this.#onClosed(reason)
        })
      },
    })
  }

  use(events: SocketEvents): this {
    this.#events = events
    return this
  }

  get remote(): string {
    return this.#socket.remote
  }

  get unsentBytes(): number {
    return this.#socket.unsentBytes
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#isPaused = false
    if (this.#held.length === 0 && this.#heldEnd === undefined) this.#socket.resume()
    else
      this.#later(() => {
        this.#deliver()
      })
  }

  close(): void {
    this.#dropHeld()
    this.#socket.close()
  }

  destroy(): void {
    this.#dropHeld()
    this.#socket.destroy()
  }

  #onData(chunk: Uint8Array): void {
    if (this.#isClosed) return
    if (this.#isPaused || this.#held.length > 0) this.#held.push(chunk)
    else this.#events.data(chunk)
  }

  /** An orderly end comes behind what is held; a reset does not, and what is held is lost. */
  #onClosed(reason: SocketClosed): void {
    if (this.#held.length > 0 && reason === 'ended') {
      this.#heldEnd = reason
      return
    }
    this.#held.length = 0
    this.#events.closed(this.#isClosed ? 'closed' : reason)
  }

  /** The socket below goes on only then: nothing overtakes what is held. */
  #deliver(): void {
    while (!this.#isPaused) {
      const chunk = this.#held.shift()
      if (chunk === undefined) break
      this.#events.data(chunk)
    }
    if (this.#isPaused || this.#isClosed) return
    this.#socket.resume()
    if (this.#heldEnd !== undefined) this.#emitEnd(this.#heldEnd)
  }

  #dropHeld(): void {
    this.#isClosed = true
    this.#held.length = 0
    if (this.#heldEnd === undefined) return
    this.#later(() => {
      this.#emitEnd('closed')
    })
  }

  #emitEnd(reason: SocketClosed): void {
    if (this.#heldEnd === undefined) return
    this.#heldEnd = undefined
    this.#events.closed(reason)
  }
}
