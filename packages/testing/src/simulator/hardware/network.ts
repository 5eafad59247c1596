import type { Clock } from 'synod/internal/clock.js'
import { SynodError } from 'synod/internal/errors.js'
import {
  type Address,
  type Listener,
  type Network,
  type OpenSocket,
  type Socket,
  type SocketEvents,
  formatAddress,
} from 'synod/internal/net/transport/network.js'
import { PendingWork } from './pending-work.js'
import { MemorySocket, type ChunkFault, type Direction } from './socket.js'

export interface MemoryNetworkOptions {
  /**
   * How long bytes take from one host to another, asked for each chunk. Order is kept all the same.
   * Default: 1.
   */
  readonly latencyMs?: number | ((from: string, to: string) => number)
  /** What both kernels together hold of one direction of a connection. Default: 256 KiB. */
  readonly windowBytes?: number
  /** How many of `available` bytes the next chunk has, at least 1. Default: all. */
  readonly split?: (available: number) => number
  /**
   * What becomes of a chunk that arrives: it may be changed, replaced by several, or held back.
   * Default: nothing.
   */
  readonly chunkFault?: (way: Direction) => ChunkFault | undefined
  /** Called for every chunk that arrives, before its receiver gets it. */
  readonly onArrival?: (way: Direction, chunk: Uint8Array) => void
}

/**
 * Hosts and their connections in memory, as TCP behaves: bytes in order, back pressure, refusals,
 * resets by a killed process, silence after a power failure, waiting where a way is cut. `timeout`
 * and `unreachable` never happen. All runs by the clock, in the same order each time.
 */
export class MemoryNetwork {
  readonly clock: Clock
  readonly options: MemoryNetworkOptions
  readonly windowBytes: number
  readonly split: (available: number) => number
  /** Every dial, in order: from which host, to which address, and when. */
  readonly dials: { readonly from: string; readonly to: string; readonly atMs: number }[] = []
  readonly #listeners = new Map<string, (open: OpenSocket) => void>()
  readonly #sockets = new Set<MemorySocket>()
  /** Those from which something waits at a way that is cut, also when they are gone themselves. */
  readonly #stalled = new Set<MemorySocket>()
  /** The ways that are cut, as `from to`, and how often. */
  readonly #cuts = new Map<string, number>()
  /** By host that has lost its power, the sockets at the other ends of its connections. */
  readonly #halfOpen = new Map<string, MemorySocket[]>()
  #port = 40_000
  #connections = 0

  constructor(clock: Clock, options: MemoryNetworkOptions = {}) {
    this.clock = clock
    this.options = options
    this.windowBytes = options.windowBytes ?? 256 * 1024
    this.split = options.split ?? ((available) => available)
  }

  /** The network as the processes on one host see it. */
  host(name: string): Network {
    return {
      connect: (address, events) => this.#connect(name, address, events),
      listen: (address, onSocket) => this.#listen(name, address, onSocket),
    }
  }

  latencyMs(from: string, to: string): number {
    const { latencyMs = 1 } = this.options
    return typeof latencyMs === 'number' ? latencyMs : latencyMs(from, to)
  }

  /** The processes on a host die: they are told nothing, and the other ends see an end. */
  kill(host: string): void {
    this.#silence(host)
    for (const socket of this.#socketsOf(host)) socket.vanish()
  }

  /** The power of a host fails: the others hear nothing of it until it is back. */
  powerOff(host: string): void {
    this.#silence(host)
    const others = this.#socketsOf(host).map((socket) => socket.vanishSilently())
    this.#halfOpen.set(host, [
      ...(this.#halfOpen.get(host) ?? []),
      ...others.filter((other) => other !== undefined),
    ])
  }

  /**
   * A host that had lost its power is back, and resets the connections that it does not know any
   * more.
   */
  powerOn(host: string): void {
    for (const socket of this.#halfOpen.get(host) ?? []) socket.after(() => socket.finish('reset'))
    this.#halfOpen.delete(host)
  }

  /** From now on nothing passes between two hosts, in either direction, until `heal`. */
  cut(a: string, b: string): void {
    this.cutWay(a, b)
    this.cutWay(b, a)
  }

  /** Undoes one `cut`: what waited goes on. */
  heal(a: string, b: string): void {
    this.healWay(a, b)
    this.healWay(b, a)
  }

  /** From now on nothing passes in this direction. */
  cutWay(from: string, to: string): void {
    const key = `${from} ${to}`
    this.#cuts.set(key, (this.#cuts.get(key) ?? 0) + 1)
  }

  healWay(from: string, to: string): void {
    const key = `${from} ${to}`
    const cuts = this.#cuts.get(key) ?? 0
    if (cuts > 1) {
      this.#cuts.set(key, cuts - 1)
      return
    }
    this.#cuts.delete(key)
    for (const socket of new Set([...this.#stalled, ...this.#sockets])) {
      if (socket.host !== from || socket.otherHost !== to) continue
      this.#stalled.delete(socket)
      socket.onHealed()
    }
  }

  /** Resets all connections between two hosts; both see that at once. */
  breakConnections(a: string, b: string): void {
    for (const socket of this.#socketsOf(a, b)) socket.breakOff()
    for (const socket of this.#socketsOf(b, a)) socket.breakOff()
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from} ${to}`)
  }

  stall(socket: MemorySocket): void {
    this.#stalled.add(socket)
  }

  forget(socket: MemorySocket): void {
    this.#sockets.delete(socket)
  }

  #socketsOf(host: string, other?: string): MemorySocket[] {
    return [...this.#sockets].filter(
      (socket) => socket.host === host && (other === undefined || socket.otherHost === other),
    )
  }

  #silence(host: string): void {
    for (const address of this.#listeners.keys()) {
      if (address.startsWith(`${host}:`)) this.#listeners.delete(address)
    }
  }

  #connect(host: string, address: Address, events: SocketEvents): Socket {
    const to = formatAddress(address)
    const connection = ++this.#connections
    const way: Direction = { connection, from: host, to: address.host, port: address.port }
    const socket = new MemorySocket(this, way, to, events)
    this.#sockets.add(socket)
    this.dials.push({ from: host, to, atMs: this.clock.now() })
    this.clock.timer(this.latencyMs(host, address.host), () => {
      if (socket.over || this.isCut(host, address.host) || this.isCut(address.host, host)) return
      // A machine without power does not even refuse.
      if (this.#halfOpen.has(address.host)) return
      const onSocket = this.#listeners.get(to)
      if (!onSocket) socket.finish('refused')
      else onSocket((theirs) => this.#accept(socket, way, theirs))
    })
    return socket
  }

  #accept(dialler: MemorySocket, { connection, from, to, port }: Direction, events: SocketEvents): Socket {
    const way: Direction = { connection, from: to, to: from, port }
    const socket = new MemorySocket(this, way, `${from}:${this.#port++}`, events)
    this.#sockets.add(socket)
    socket.join(dialler)
    dialler.join(socket)
    return socket
  }

  async #listen(host: string, asked: Address, onSocket: (open: OpenSocket) => void): Promise<Listener> {
    const address = { host: asked.host, port: asked.port === 0 ? this.#port++ : asked.port }
    const key = formatAddress(address)
    const fault =
      asked.host !== host
        ? 'EADDRNOTAVAIL: address not available'
        : this.#listeners.has(key) && 'EADDRINUSE: address already in use'
    if (fault !== false)
      throw new SynodError('invalid-options', `cannot listen at ${key}: listen ${fault} ${key}`)
    const accepted = new PendingWork()
    const accept = (open: OpenSocket) => {
      onSocket((events) => open(untilClosed(events, accepted)))
    }
    this.#listeners.set(key, accept)
    return {
      address,
      close: async () => {
        if (this.#listeners.get(key) === accept) this.#listeners.delete(key)
        await accepted.idle()
      },
    }
  }
}

/** The events of a socket, which counts until it has told that it is closed. */
function untilClosed(events: SocketEvents, open: PendingWork): SocketEvents {
  const end = open.begin()
  return {
    data: (chunk) => {
      events.data(chunk)
    },
    drained: () => {
      events.drained()
    },
    closed: (reason) => {
      events.closed(reason)
      end()
    },
  }
}
