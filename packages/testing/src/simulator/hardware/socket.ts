import type { Clock } from 'synod/internal/clock.js'
import {
  DRAIN_MARK_BYTES,
  type Socket,
  type SocketClosed,
  type SocketEvents,
} from 'synod/internal/net/transport/network.js'

/**
 * Changes what passes in one direction of a connection: gives back what arrives in place of a
 * chunk.
 */
export type ChunkFault = (chunk: Uint8Array) => readonly Uint8Array[]

/** One direction of a connection. */
export interface Direction {
  /** Numbers the connections, from 1. */
  readonly connection: number
  readonly from: string
  readonly to: string
  /** The port that was dialled: it tells what kind of connection it is. */
  readonly port: number
}

/** What was written, as it was then, and the bytes of the writer, who must not change them yet. */
interface Unsent {
  readonly bytes: Buffer
  readonly written: Uint8Array
}

/** What a socket has of the network around it. */
export interface Wires {
  readonly clock: Clock
  readonly windowBytes: number
  readonly split: (available: number) => number
  readonly options: {
    readonly chunkFault?: (way: Direction) => ChunkFault | undefined
    readonly onArrival?: (way: Direction, chunk: Uint8Array) => void
  }
  latencyMs(from: string, to: string): number
  isCut(from: string, to: string): boolean
  /** Something waits until the way from this socket is healed. */
  stall(socket: MemorySocket): void
  forget(socket: MemorySocket): void
}

/**
 * One end of a connection. What it writes is pumped into the window, and from there arrives at the
 * other end.
 */
export class MemorySocket implements Socket {
  readonly remote: string
  over = false
  /** Its machine is gone, and answers nothing. */
  #isSilent = false
  readonly #network: Wires
  readonly #way: Direction
  readonly #events: SocketEvents
  readonly #chunkFault: ChunkFault | undefined
  #other: MemorySocket | undefined
  #unsent: Unsent[] = []
  #unsentBytes = 0
  #mustTellDrained = false
  #inWindowBytes = 0
  /** With what each takes of the window until it is read. */
  #arrived: { readonly bytes: Uint8Array; readonly size: number }[] = []
  #paused = false
  #ending = false
  #endArrived = false
  /** When the last thing that was sent arrives: nothing overtakes it. */
  #lastArrivalMs = 0
  /** What is under way, in order. */
  readonly #underWay: (() => void)[] = []
  /** This many of the first of them have arrived. */
  #taken = 0
  /** How many times something arrived where the way was cut, and waits until it is healed. */
  #stalled = 0

  constructor(network: Wires, way: Direction, remote: string, events: SocketEvents) {
    this.#network = network
    this.#way = way
    this.remote = remote
    this.#events = events
    this.#chunkFault = network.options.chunkFault?.(way)
  }

  get host(): string {
    return this.#way.from
  }

  get otherHost(): string {
    return this.#way.to
  }

  get unsentBytes(): number {
    return this.#unsentBytes
  }

  write(bytes: Uint8Array): void {
    if (this.over || this.#ending || bytes.length === 0) return
    this.#unsent.push({ written: bytes, bytes: Buffer.from(bytes) })
    this.#unsentBytes += bytes.length
    this.#pump()
    if (this.#unsentBytes >= DRAIN_MARK_BYTES) this.#mustTellDrained = true
  }

  pause(): void {
    if (!this.#ending) this.#paused = true
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
    this.#pump()
  }

  destroy(): void {
    if (this.over) return
    this.#network.clock.soon(() => {
      this.#events.closed('closed')
    })
    this.vanish()
  }

  /** This end closes: bytes that have left arrive, then an end, or a reset if any were unread. */
  vanish(): void {
    const other = this.#other
    const isUnread = this.#arrived.length > 0
    this.#stop()
    this.after(() => {
      if (isUnread) other?.finish('reset')
      else other?.end()
    })
  }

  /** The connection broke, for this end and without a word to the other one. */
  breakOff(): void {
    if (this.over) return
    this.#network.clock.soon(() => {
      this.#events.closed(this.#ending ? 'closed' : 'reset')
    })
    this.#stop()
  }

  /** The machine is gone. Returns the other end, which has not noticed. */
  vanishSilently(): MemorySocket | undefined {
    this.#stop()
    this.#isSilent = true
    return this.#other
  }

  /** The other end stands: what was written goes out. */
  join(other: MemorySocket): void {
    this.#other = other
    this.#pump()
  }

  /** Ends for a reason that came from outside. */
  finish(reason: SocketClosed): void {
    if (this.over) return
    this.#stop()
    this.#events.closed(this.#ending ? 'closed' : reason)
  }

  /** The end of what the other end wrote has arrived. */
  end(): void {
    this.#endArrived = true
    this.#read()
  }

  /** The way is healed: what waited is sent again, then what was not sent yet. */
  onHealed(): void {
    for (; this.#stalled > 0; this.#stalled--) this.#schedule()
    this.#pump()
  }

  /** In one latency's time, and after all that was sent before; not while the way is cut. */
  after(run: () => void): void {
    this.#underWay.push(run)
    this.#schedule()
  }

  /** Whenever something arrives, it is what was sent first. */
  #schedule(): void {
    const { clock } = this.#network
    const { from, to } = this.#way
    const nowMs = clock.now()
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, nowMs + this.#network.latencyMs(from, to))
    clock.timer(this.#lastArrivalMs - nowMs, () => {
      if (this.#network.isCut(from, to)) {
        this.#stalled++
        this.#network.stall(this)
      } else {
        this.#takeFirst()?.()
      }
    })
  }

  /** Of what is under way: an array with many elements takes long to shift. */
  #takeFirst(): (() => void) | undefined {
    const first = this.#underWay[this.#taken++]
    if (2 * this.#taken > this.#underWay.length) {
      this.#underWay.splice(0, this.#taken)
      this.#taken = 0
    }
    return first
  }

  /** Moves as much as the window takes on its way. */
  #pump(): void {
    const other = this.#other
    if (!other || this.over || this.#network.isCut(this.host, this.otherHost)) return
    for (let next = this.#unsent[0]; next; next = this.#unsent[0]) {
      const room = this.#network.windowBytes - this.#inWindowBytes
      if (room === 0) return
      const { bytes, written } = next
      if (!bytes.equals(written)) throw new Error('bytes changed before the socket had sent them')
      const size = this.#network.split(Math.min(room, bytes.length))
      const chunk = bytes.subarray(0, size)
      if (size === bytes.length) this.#unsent.shift()
      else this.#unsent[0] = { written: written.subarray(size), bytes: bytes.subarray(size) }
      this.#unsentBytes -= size
      this.#inWindowBytes += size
      this.after(() => {
        other.#arrive(chunk)
      })
    }
    this.#allSent(other)
  }

  #allSent(other: MemorySocket): void {
    if (this.#mustTellDrained) {
      this.#mustTellDrained = false
      this.#network.clock.soon(() => {
        if (!this.over && !this.#ending) this.#events.drained()
      })
    }
    if (this.#ending) {
      this.after(() => {
        other.end()
      })
    }
  }

  #arrive(chunk: Uint8Array): void {
    const other = this.#other
    if (other === undefined) return
    if (this.over) {
      // The system answers for the process.
      if (!this.#isSilent && !other.over) this.after(() => other.finish('reset'))
      return
    }
    let size = chunk.length
    for (const bytes of other.#chunkFault === undefined ? [chunk] : other.#chunkFault(chunk)) {
      this.#arrived.push({ bytes, size })
      size = 0
    }
    if (size > 0) {
      // Nothing is left of the chunk that could be read.
      other.#inWindowBytes -= size
      other.#pump()
    }
    this.#read()
  }

  #read(): void {
    while (!this.#paused && !this.over) {
      const next = this.#arrived.shift()
      const other = this.#other
      if (next === undefined || other === undefined) break
      other.#inWindowBytes -= next.size
      other.#pump()
      if (this.#ending) continue
      this.#network.options.onArrival?.(other.#way, next.bytes)
      // The receiver owns its chunks.
      this.#events.data(Buffer.from(next.bytes))
    }
    if (this.#endArrived && this.#arrived.length === 0 && !this.over) this.#finishBoth()
  }

  /** The other end has ended; this one, when it has sent its rest, does so too. */
  #finishBoth(): void {
    const other = this.#other
    this.finish('ended')
    this.after(() => other?.finish('closed'))
  }

  #stop(): void {
    this.over = true
    this.#unsent = []
    this.#unsentBytes = 0
    this.#arrived = []
    this.#network.forget(this)
  }
}
