import type {
  Address,
  Network,
  OpenSocket,
  Socket,
  SocketEvents,
} from 'synod/internal/net/transport/network.js'
import type { DelayQueue } from './delay-queue.js'

/** When this many bytes are under way in one direction, no more is read until there are fewer. */
export const MAX_HELD_BYTES = 2 << 20

export interface DelayedRoute {
  readonly network: Network
  readonly queue: DelayQueue
  readonly target: Address
  /** Bytes have arrived at the other side. */
  readonly onCarried: (bytes: number) => void
}

/** Connects to the target, and hands on late what arrives on either of the two connections. */
export function openDelayedConnection(route: DelayedRoute, open: OpenSocket): void {
  const there = new DelayedDirection(route)
  const back = new DelayedDirection(route)
  const dialler = open(eventsOf(there, back))
  const target = route.network.connect(route.target, eventsOf(back, there))
  there.begin(dialler, target)
  back.begin(target, dialler)
}

/** The events of the socket that `out` reads from and `into` writes to. */
function eventsOf(out: DelayedDirection, into: DelayedDirection): SocketEvents {
  return {
    data: (chunk) => out.received(chunk),
    drained: () => into.refresh(),
    closed: (reason) => out.ended(reason === 'ended'),
  }
}

/** One direction: reads from one socket, and writes to the other later. */
class DelayedDirection {
  readonly #route: DelayedRoute
  #from!: Socket
  #to!: Socket
  /** Read, and not due yet. */
  #heldBytes = 0
  #isPaused = false

  constructor(route: DelayedRoute) {
    this.#route = route
  }

  begin(from: Socket, to: Socket): void {
    this.#from = from
    this.#to = to
  }

  received(chunk: Uint8Array): void {
    this.#heldBytes += chunk.length
    this.#route.queue.add(() => {
      this.#heldBytes -= chunk.length
      this.#to.write(chunk)
      this.#route.onCarried(chunk.length)
      this.refresh()
    })
    this.refresh()
  }

  /** Stops reading where the bound is reached, and reads on where it is not. */
  refresh(): void {
    const isFull = this.#heldBytes + this.#to.unsentBytes >= MAX_HELD_BYTES
    if (isFull === this.#isPaused) return
    this.#isPaused = isFull
    if (isFull) this.#from.pause()
    else this.#from.resume()
  }

  /** The sender is gone. Ends the other socket after what was sent before. */
  ended(isInOrder: boolean): void {
    this.#route.queue.add(() => {
      if (isInOrder) this.#to.close()
      else this.#to.destroy()
    })
  }
}
