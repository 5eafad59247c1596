import * as net from 'node:net'
import { SynodError } from '../../errors.js'
import {
  DRAIN_MARK_BYTES,
  formatAddress,
  type Address,
  type Listener,
  type Network,
  type OpenSocket,
  type Socket,
  type SocketClosed,
  type SocketEvents,
} from './network.js'

/** A connection silent for so long is probed, so that one whose other side vanished is noticed. */
const KEEP_ALIVE_MS = 10_000

/**
 * How many connections may wait to be accepted. They are accepted all at once, in one turn of the
 * event loop.
 */
const BACKLOG = 256

const REASONS: Readonly<Record<string, SocketClosed>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENETDOWN: 'unreachable',
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
}

/** The real network. */
export const tcpNetwork: Network = {
  connect({ host, port }, events) {
    return new TcpSocket(net.connect({ host, port }), formatAddress({ host, port }), events)
  },

  listen(address, onSocket) {
    return new Promise((resolve, reject) => {
      let listener: TcpListener | undefined
      const server = net.createServer((socket) => {
        onSocket(opener(socket))
        listener?.accepted(socket)
      })
      server.once('error', (cause) => {
        reject(
          new SynodError('invalid-options', `cannot listen at ${formatAddress(address)}: ${cause.message}`, {
            cause,
          }),
        )
      })
      server.listen({ host: address.host, port: address.port, backlog: BACKLOG }, () => {
        // From here on an error is that of one connection that could not be accepted; its dialler
        // notices.
        server.on('error', () => undefined)
        resolve((listener = new TcpListener(server)))
      })
    })
  },
}

function opener(socket: net.Socket): OpenSocket {
  const remote = formatAddress({ host: socket.remoteAddress ?? 'unknown', port: socket.remotePort ?? 0 })
  return (events) => new TcpSocket(socket, remote, events)
}

class TcpSocket implements Socket {
  readonly remote: string
  readonly #socket: net.Socket
  #reason: SocketClosed | undefined
  #isClosing = false
  #mustTellDrained = false

  constructor(socket: net.Socket, remote: string, events: SocketEvents) {
    this.remote = remote
    this.#socket = socket
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    socket.on('data', (chunk) => {
      if (!this.#isClosing) events.data(chunk)
    })
    socket.on('drain', () => {
      if (this.#mustTellDrained) events.drained()
      this.#mustTellDrained = false
    })
    socket.on('end', () => {
      this.#reason ??= 'ended'
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#reason ??= REASONS[error.code ?? ''] ?? 'failed'
    })
    socket.on('close', () => {
      events.closed(this.#reason ?? 'closed')
    })
  }

  get unsentBytes(): number {
    return this.#socket.writableLength
  }

  write(bytes: Uint8Array): void {
    // What is written to a stream that has ended destroys it, and what it has not sent yet.
    if (!this.#socket.writable) return
    this.#socket.write(bytes)
    if (this.unsentBytes >= DRAIN_MARK_BYTES) this.#mustTellDrained = true
  }

  pause(): void {
    if (!this.#isClosing) this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  close(): void {
    this.#reason ??= 'closed'
    this.#isClosing = true
    this.#socket.end()
    // A socket that is closed with bytes unread would be reset, and the other side might lose the
    // last bytes written to it: so read on, until the other side ends it as well.
    this.#socket.resume()
  }

  destroy(): void {
    this.#reason ??= 'closed'
    this.#isClosing = true
    this.#socket.destroy()
  }
}

class TcpListener implements Listener {
  readonly address: Address
  readonly #server: net.Server
  #open = 0
  #closed: Promise<void> | undefined
  #onGone: () => void = () => undefined

  constructor(server: net.Server) {
    const { address, port } = server.address() as net.AddressInfo
    this.address = { host: address, port }
    this.#server = server
  }

  /** A socket, whose owner listens to it already: so it is gone here after it is for its owner. */
  accepted(socket: net.Socket): void {
    this.#open++
    socket.once('close', () => {
      this.#open--
      this.#onGone()
    })
  }

  /** The server itself says so as soon as the last socket begins to close. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#onGone = () => {
        if (this.#open === 0 && !this.#server.listening) resolve()
      }
      this.#server.close(this.#onGone)
    })
    return this.#closed
  }
}
