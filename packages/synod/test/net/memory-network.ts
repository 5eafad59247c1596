import type { Clock } from '../../src/clock.js'
import { SynodError } from '../../src/errors.js'
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
} from '../../src/net/network.js'

export interface MemoryNetworkOptions {
  /** How long bytes take from one host to another. Default: 1. */
  readonly latency_ms?: number
  /** What both kernels together hold of one direction of a connection. Default: 256 KiB. */
  readonly window_bytes?: number
  /** How many of `available` bytes the next chunk has, at least 1. Default: all. */
  readonly split?: (available: number) => number
}

/**
 * Hosts and the connections between them, in memory. It behaves as TCP does as far as Synod can tell: bytes arrive
 * in order or not at all, a reader that pauses holds up the writer, a host without a listener refuses,
 * one that is killed resets, and one that is cut off says nothing.
 *
 * Everything happens at the clock's word, and in the same order each time.
 */
export class MemoryNetwork {
  readonly clock: Clock
  readonly latency_ms: number
  readonly window_bytes: number
  readonly split: (available: number) => number
  /** Every dial, in order: from which host, to which address, and when. */
  readonly dials: { readonly from: string; readonly to: string; readonly at_ms: number }[] = []
  readonly #listeners = new Map<string, (open: OpenSocket) => void>()
  readonly #sockets = new Set<MemorySocket>()
  readonly #cuts = new Set<string>()
  #port = 40_000

  constructor(clock: Clock, options: MemoryNetworkOptions = {}) {
    this.clock = clock
    this.latency_ms = options.latency_ms ?? 1
    this.window_bytes = options.window_bytes ?? 256 * 1024
    this.split = options.split ?? ((available) => available)
  }

  /** The network as the processes on one host see it. */
  host(name: string): Network {
    return {
      connect: (address, events) => this.#connect(name, address, events),
      listen: (address, onSocket) => this.#listen(name, address, onSocket),
    }
  }

  /** The processes on a host die: nothing is told to them, and the others see their connections reset. */
  kill(host: string): void {
    for (const address of this.#listeners.keys()) {
      if (address.startsWith(`${host}:`)) this.#listeners.delete(address)
    }
    for (const socket of this.#sockets) if (socket.host === host) socket.vanish()
  }

  /** From now on nothing passes between two hosts, in either direction, until `heal`. */
  cut(a: string, b: string): void {
    this.#cuts.add(pair(a, b))
  }

  heal(a: string, b: string): void {
    this.#cuts.delete(pair(a, b))
    for (const socket of this.#sockets) socket.pump()
  }

  isCut(a: string, b: string): boolean {
    return this.#cuts.has(pair(a, b))
  }

  forget(socket: MemorySocket): void {
    this.#sockets.delete(socket)
  }

  #connect(host: string, address: Address, events: SocketEvents): Socket {
    const to = formatAddress(address)
    const socket = new MemorySocket(this, host, to, events)
    this.#sockets.add(socket)
    this.dials.push({ from: host, to, at_ms: this.clock.now() })
    this.clock.timer(this.latency_ms, () => {
      if (socket.over || this.isCut(host, address.host)) return
      const onSocket = this.#listeners.get(to)
      if (!onSocket) socket.finish('refused')
      else onSocket((theirs) => this.#accept(socket, address.host, theirs))
    })
    return socket
  }

  #accept(dialler: MemorySocket, host: string, events: SocketEvents): Socket {
    const socket = new MemorySocket(this, host, `${dialler.host}:${this.#port++}`, events)
    this.#sockets.add(socket)
    socket.join(dialler)
    dialler.join(socket)
    return socket
  }

  async #listen(host: string, asked: Address, onSocket: (open: OpenSocket) => void): Promise<Listener> {
    const address = { host, port: asked.port === 0 ? this.#port++ : asked.port }
    const key = formatAddress(address)
    if (this.#listeners.has(key)) throw new SynodError('invalid-options', `cannot listen at ${key}: in use`)
    this.#listeners.set(key, onSocket)
    return {
      address,
      close: async () => {
        this.#listeners.delete(key)
      },
    }
  }
}

/** One end of a connection. What it writes is pumped into the window, and from there arrives at the other end. */
class MemorySocket implements Socket {
  readonly host: string
  readonly remote: string
  over = false
  readonly #network: MemoryNetwork
  readonly #events: SocketEvents
  #other: MemorySocket | undefined
  #unsent: Uint8Array[] = []
  #unsent_bytes = 0
  #mustTellDrained = false
  #inWindow_bytes = 0
  #arrived: Uint8Array[] = []
  #paused = false
  #ending = false
  #endArrived = false

  constructor(network: MemoryNetwork, host: string, remote: string, events: SocketEvents) {
    this.#network = network
    this.host = host
    this.remote = remote
    this.#events = events
  }

  get unsent_bytes(): number {
    return this.#unsent_bytes
  }

  write(bytes: Uint8Array): void {
    if (this.over || this.#ending || bytes.length === 0) return
    this.#unsent.push(bytes)
    this.#unsent_bytes += bytes.length
    this.pump()
    if (this.#unsent_bytes >= DRAIN_MARK_BYTES) this.#mustTellDrained = true
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#network.clock.soon(() => {
      this.#read()
    })
  }

  close(): void {
    if (this.over || this.#ending) return
    this.#ending = true
    this.resume()
    this.pump()
  }

  destroy(): void {
    if (this.over) return
    const other = this.#other
    this.#stop()
    this.#network.clock.soon(() => {
      this.#events.closed('closed')
    })
    this.#after(() => other?.finish('reset'))
  }

  /** The process is gone. */
  vanish(): void {
    const other = this.#other
    this.#stop()
    this.#after(() => other?.finish('reset'))
  }

  /** The other end stands: what was written goes out. */
  join(other: MemorySocket): void {
    this.#other = other
    this.pump()
  }

  /** Ends for a reason that came from outside. */
  finish(reason: SocketClosed): void {
    if (this.over) return
    this.#stop()
    this.#events.closed(reason)
  }

  /** Moves as much as the window takes on its way. */
  pump(): void {
    const other = this.#other
    if (!other || this.over || this.#network.isCut(this.host, other.host)) return
    for (let next = this.#unsent[0]; next; next = this.#unsent[0]) {
      const room = this.#network.window_bytes - this.#inWindow_bytes
      if (room === 0) return
      const size = this.#network.split(Math.min(room, next.length))
      const chunk = next.subarray(0, size)
      if (size === next.length) this.#unsent.shift()
      else this.#unsent[0] = next.subarray(size)
      this.#unsent_bytes -= size
      this.#inWindow_bytes += size
      this.#after(() => other.#arrive(chunk))
    }
    this.#allSent(other)
  }

  #allSent(other: MemorySocket): void {
    if (this.#mustTellDrained) {
      this.#mustTellDrained = false
      this.#network.clock.soon(() => {
        if (!this.over) this.#events.drained()
      })
    }
    if (this.#ending) {
      this.#after(() => {
        other.#endArrived = true
        other.#read()
      })
    }
  }

  #arrive(chunk: Uint8Array): void {
    this.#arrived.push(chunk)
    this.#read()
  }

  #read(): void {
    while (!this.#paused && !this.over && this.#arrived.length > 0) {
      const chunk = this.#arrived.shift()!
      const other = this.#other!
      other.#inWindow_bytes -= chunk.length
      other.pump()
      // The receiver owns its chunks.
      if (!this.#ending) this.#events.data(chunk.slice())
    }
    if (this.#endArrived && !this.#paused && !this.over) this.#finishBoth()
  }

  /** The other end has ended; this one, when it has sent its rest, does so too. */
  #finishBoth(): void {
    const other = this.#other
    const reason = this.#ending ? 'closed' : 'ended'
    this.finish(reason)
    this.#after(() => other?.finish('closed'))
  }

  /** In one latency's time, unless the hosts are cut off from each other then. */
  #after(run: () => void): void {
    const { clock, latency_ms } = this.#network
    const peer = this.#other?.host
    clock.timer(latency_ms, () => {
      if (peer === undefined || !this.#network.isCut(this.host, peer)) run()
    })
  }

  #stop(): void {
    this.over = true
    this.#unsent = []
    this.#unsent_bytes = 0
    this.#arrived = []
    this.#network.forget(this)
  }
}

function pair(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
