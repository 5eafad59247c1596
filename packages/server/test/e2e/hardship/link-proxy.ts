import { once } from 'node:events'
import { type Server, type Socket, connect, createServer } from 'node:net'

/** Of a connection's bytes: `forth` go from the side that dialled, `back` to it. */
export type Way = 'forth' | 'back'

/** What a link does to bytes, those under way included. */
export interface Impairment {
  /** How long bytes take, by half of it more or less; their order stays. */
  readonly delayMs: number
  /** How many bytes get through in a second, on each connection and way. */
  readonly rate: number
  /**
   * The ways on which nothing gets through. It is kept, as TCP keeps what was not acknowledged, and
   * comes through later.
   */
  readonly cut: readonly Way[]
}

export const NO_IMPAIRMENT: Impairment = { delayMs: 0, rate: Infinity, cut: [] }

/** What is taken from a sender and not passed on yet; above it, the sender has to wait. */
const MOST_HELD_BYTES = 256 << 10

export interface LinkProxyOptions {
  readonly port: number
  readonly target: { readonly host: string; readonly port: number }
  /** A number from 0 to below 1, for the delays. */
  readonly random: () => number
}

/**
 * Passes connections on to one address, in this process, and impairs them. Where
 * nothing listens at that address, nothing listens here either, once that has been found out, until
 * `open`.
 */
export class LinkProxy {
  readonly #options: LinkProxyOptions
  readonly #connections = new Set<Connection>()
  #server: Server | undefined
  #impairment = NO_IMPAIRMENT
  readonly #carriedBytes = { forth: 0, back: 0 }

  constructor(options: LinkProxyOptions) {
    this.#options = options
  }

  /** Payload that got through. */
  get carriedBytes(): Readonly<Record<Way, number>> {
    return this.#carriedBytes
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Listens, if it does not yet. */
  async open(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#pass(socket, server)
    })
    this.#server = server
    server.listen({ host: '127.0.0.1', port: this.#options.port })
    await once(server, 'listening')
  }

  /** From now on, and until it is called again; what is not given is calm. */
  impair(impairment: Partial<Impairment>): void {
    this.#impairment = { ...NO_IMPAIRMENT, ...impairment }
    for (const connection of this.#connections) connection.changed()
  }

  /** Resets all connections. */
  reset(): void {
    for (const connection of this.#connections) connection.reset()
  }

  /** Listens no more, and resets all connections. */
  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    const closed = once(server, 'close')
    server.close()
    this.reset()
    await closed
  }

  #pass(dialler: Socket, server: Server): void {
    const connection = new Connection(dialler, {
      ...this.#options,
      impairment: () => this.#impairment,
      onCarried: (way, sizeBytes) => {
        this.#carriedBytes[way] += sizeBytes
      },
      onRefused: () => {
        if (this.#server === server) void this.close()
      },
      onOver: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
  }
}

interface ConnectionOptions extends LinkProxyOptions {
  readonly impairment: () => Impairment
  readonly onCarried: (way: Way, sizeBytes: number) => void
  /** Nothing listens at the target. */
  readonly onRefused: () => void
  readonly onOver: () => void
}

class Connection {
  readonly #dialler: Socket
  readonly #options: ConnectionOptions
  readonly #forth: Pipe
  #back: Pipe | undefined
  #dialled: Socket | undefined

  constructor(dialler: Socket, options: ConnectionOptions) {
    this.#dialler = dialler
    this.#options = options
    this.#forth = this.#pipe('forth', dialler, () => this.#dial())
    dialler.once('close', () => {
      this.#overIfBothAre()
    })
  }

  changed(): void {
    this.#forth.changed()
    this.#back?.changed()
  }

  reset(): void {
    this.#dialler.resetAndDestroy()
    this.#dialled?.resetAndDestroy()
    this.#forth.stop()
    this.#back?.stop()
  }

  /** Only when the first byte gets through: where all is cut, no server is reached. */
  #dial(): Socket {
    if (this.#dialled !== undefined) return this.#dialled
    const { onRefused, target } = this.#options
    const dialled = connect({ ...target, allowHalfOpen: true, noDelay: true })
    this.#dialled = dialled
    dialled.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code !== 'ECONNREFUSED') return
      this.reset()
      onRefused()
    })
    dialled.once('close', () => {
      this.#overIfBothAre()
    })
    this.#back = this.#pipe('back', dialled, () => this.#dialler)
    return dialled
  }

  #pipe(way: Way, from: Socket, to: () => Socket): Pipe {
    const { onCarried, random, impairment } = this.#options
    const cut = () => impairment().cut.includes(way)
    return new Pipe({
      from,
      to,
      random,
      impairment,
      cut,
      onCarried: (sizeBytes) => onCarried(way, sizeBytes),
    })
  }

  #overIfBothAre(): void {
    if (!this.#dialler.destroyed || this.#dialled?.destroyed === false) return
    this.#forth.stop()
    this.#back?.stop()
    this.#options.onOver()
  }
}

interface PipeOptions {
  readonly from: Socket
  readonly to: () => Socket
  readonly random: () => number
  readonly impairment: () => Impairment
  readonly cut: () => boolean
  readonly onCarried: (sizeBytes: number) => void
}

/** One way of a connection. */
class Pipe {
  readonly #options: PipeOptions
  /** In order. The last one may be how the sender ended it. */
  readonly #held: { readonly what: Buffer | 'end' | 'reset'; dueMs: number }[] = []
  #heldBytes = 0
  /** When what came last is due. */
  #lastMs = 0
  #timer: NodeJS.Timeout | undefined
  #blocked = false

  constructor(options: PipeOptions) {
    this.#options = options
    const { from } = options
    from.on('data', (chunk) => {
      this.#take(chunk)
    })
    from.once('end', () => {
      this.#take('end')
    })
    from.once('error', () => {
      this.#take('reset')
    })
  }

  changed(): void {
    this.#lastMs = 0
    for (const each of this.#held) each.dueMs = this.#dueMs(each.what)
    this.#pump()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#held.length = 0
  }

  #take(what: Buffer | 'end' | 'reset'): void {
    this.#held.push({ what, dueMs: this.#dueMs(what) })
    this.#heldBytes += sizeOf(what)
    if (this.#heldBytes > MOST_HELD_BYTES) this.#options.from.pause()
    this.#pump()
  }

  #dueMs(what: Buffer | 'end' | 'reset'): number {
    const { random, impairment } = this.#options
    const { delayMs, rate } = impairment()
    const arrivedMs = performance.now() + delayMs * (0.5 + random())
    this.#lastMs = Math.max(arrivedMs, this.#lastMs) + (sizeOf(what) / rate) * 1000
    return this.#lastMs
  }

  #pump(): void {
    clearTimeout(this.#timer)
    for (;;) {
      const [next] = this.#held
      if (next === undefined || this.#blocked || this.#options.cut()) return
      const waitMs = next.dueMs - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(() => {
          this.#pump()
        }, waitMs)
        return
      }
      this.#held.shift()
      this.#pass(next.what)
    }
  }

  #pass(what: Buffer | 'end' | 'reset'): void {
    const { from, onCarried, to } = this.#options
    const socket = to()
    if (what === 'end') socket.end()
    else if (what === 'reset') socket.resetAndDestroy()
    else if (!socket.destroyed) {
      onCarried(what.length)
      this.#blocked = !socket.write(what)
      if (this.#blocked) {
        const goOn = () => {
          socket.off('drain', goOn).off('close', goOn)
          this.#blocked = false
          this.#pump()
        }
        socket.on('drain', goOn).on('close', goOn)
      }
    }
    this.#heldBytes -= sizeOf(what)
    if (this.#heldBytes <= MOST_HELD_BYTES) from.resume()
  }
}

function sizeOf(what: Buffer | 'end' | 'reset'): number {
  return typeof what === 'string' ? 0 : what.length
}
