import { MalformedError, Reader } from 'synod/internal/bytes/reader.js'
import type { Clock } from 'synod/internal/clock.js'
import { SynodError } from 'synod/internal/errors.js'
import { POLITE_REFUSALS } from 'synod/internal/net/transport/channel-listener.js'
import { decodeClientMessage, decodeReplicaMessage } from 'synod/internal/net/client/codec.js'
import type { ClientMessage } from 'synod/internal/net/client/messages.js'
import { MAX_MESSAGE_BYTES } from 'synod/internal/net/transport/channel.js'
import { FrameReader } from 'synod/internal/net/transport/frame.js'
import { MAX_CLIENT_FRAME_BYTES, MAX_HELD_AT_ALL_BYTES } from 'synod/internal/net/transport/client-load.js'
import type { Network, OpenSocket, Socket, SocketEvents } from 'synod/internal/net/transport/network.js'
import { FRAME_TIMEOUT_MS, MAX_UNFINISHED_BYTES } from 'synod/internal/net/transport/unfinished-frames.js'
import { MAX_UNDER_WAY, MAX_UNREAD_BYTES } from 'synod/internal/replica/client-service.js'
import type { ReplicaStatus } from 'synod/internal/status.js'
import { CLIENT_PORT } from '../world.js'
import { type Deferred, TurnWatch } from './turn-watch.js'
import { Violation } from './violation.js'

/**
 * What one batch of messages and the callers in the process of the replica may add to what is under
 * way.
 */
const BATCH = 64
const EMBEDDED = 64

const GIVE_UP_MS = 10

/**
 * Holds a replica to docs/reference/limits.md while clients do what they want: at the
 * sockets, where nothing can be left out of the count, and by what the replica says of itself.
 */
export class ClientPortWatch {
  readonly #name: string
  readonly #clock: Clock
  readonly #limit: number
  readonly #onViolation: (violation: Violation) => void
  readonly #turns: TurnWatch
  readonly #lines = new Set<Line>()
  /** What may still be under way for clients that are gone. */
  #leaving = 0

  /** `clock` is that of the replica's process, and `limit` how many clients may be connected. */
  constructor(name: string, clock: Clock, limit: number, onViolation: (violation: Violation) => void) {
    this.#name = name
    this.#clock = clock
    this.#limit = limit
    this.#onViolation = onViolation
    this.#turns = new TurnWatch(clock, (what) => {
      this.#violate(what)
    })
  }

  network(network: Network): Network {
    return {
      connect: (address, events) => network.connect(address, events),
      listen: (address, onSocket) =>
        network.listen(address, (open) => {
          if (address.port !== CLIENT_PORT) onSocket(open)
          else this.#accept(open, onSocket)
        }),
    }
  }

  /** To be called often. */
  check({ held, waiting }: ReplicaStatus): void {
    if (held.mostBytes > MAX_HELD_AT_ALL_BYTES + MAX_MESSAGE_BYTES)
      this.#violate(`held ${held.mostBytes} bytes for clients`)
    if (held.unfinishedBytes > MAX_UNFINISHED_BYTES)
      this.#violate(`holds ${held.unfinishedBytes} bytes of unfinished frames`)
    let underWay = EMBEDDED + this.#leaving
    for (const line of this.#lines) underWay += line.underWay
    if (waiting > underWay)
      this.#violate(`has ${waiting} requests under way, where clients may have no more than ${underWay}`)
  }

  #accept(open: OpenSocket, onSocket: (open: OpenSocket) => void): void {
    onSocket((events) => {
      return this.#socket(open, events)
    })
    if (this.#lines.size > this.#limit + POLITE_REFUSALS)
      this.#violate(`has ${this.#lines.size} connections with clients, where ${this.#limit} may be`)
  }

  #socket(open: OpenSocket, events: SocketEvents): Socket {
    const line = new Line(this.#clock, this.#turns, (what) => {
      this.#violate(what)
    })
    this.#lines.add(line)
    const gone = () => {
      if (!this.#lines.delete(line)) return
      this.#leave(line.underWay)
      line.end()
    }
    const socket = open({
      data: (chunk) => {
        const messages = line.read(chunk)
        events.data(chunk)
        line.delivered(messages, socket.unsentBytes)
      },
      drained: () => {
        events.drained()
      },
      closed: (reason) => {
        gone()
        events.closed(reason)
      },
    })
    return {
      remote: socket.remote,
      get unsentBytes() {
        return socket.unsentBytes
      },
      write: (bytes) => {
        line.wrote(bytes)
        socket.write(bytes)
      },
      pause: () => {
        line.isPaused = true
        socket.pause()
      },
      resume: () => {
        line.resumed()
        socket.resume()
      },
      close: () => {
        line.isClosing = true
        socket.close()
      },
      destroy: () => {
        line.checkEviction()
        gone()
        socket.destroy()
      },
    }
  }

  /** They are given up within some turns. */
  #leave(requests: number): void {
    if (requests === 0) return
    this.#leaving += requests
    this.#clock.timer(GIVE_UP_MS, () => {
      this.#leaving -= requests
    })
  }

  #violate(what: string): void {
    this.#onViolation(new Violation('over-limit', `${this.#name} ${what}`))
  }
}

/** One connection, as it is seen at its socket. */
class Line {
  isPaused = false
  isClosing = false
  isOver = false
  readonly #frames = new FrameReader('client', MAX_CLIENT_FRAME_BYTES)
  readonly #clock: Clock
  readonly #turns: TurnWatch
  readonly #violate: (what: string) => void
  #isGreeted = false
  #isLost = false
  /** The messages that were handed over and may not have been processed. */
  readonly #behind: Deferred[] = []
  /**
   * By number, how often something was asked here that has no answer: a number that is used twice
   * is answered twice.
   */
  readonly #unanswered = new Map<number, number>()
  /** How many of these were given up since: the replica may not have looked at that. */
  #cancelled = 0
  readonly #answers = new FrameReader('client')
  #isWelcome = false
  #mustRest = false
  /** Numbers the frames that were begun, and ends the wait for the last one. */
  #payloads = 0
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock, turns: TurnWatch, violate: (what: string) => void) {
    this.#clock = clock
    this.#turns = turns
    this.#violate = violate
  }

  /** How many requests may be under way here. */
  get underWay(): number {
    return Math.min(this.#unanswered.size + this.#cancelled, MAX_UNDER_WAY + BATCH)
  }

  /** How many messages these bytes complete. */
  read(chunk: Uint8Array): number {
    let messages = 0
    if (this.#isLost) return 0
    try {
      this.#frames.push(chunk)
      for (let payload = this.#frames.next(); payload !== undefined; payload = this.#frames.next()) {
        if (!this.#isGreeted) {
          this.#isGreeted = true
          continue
        }
        const reader = new Reader(payload)
        for (; reader.remaining > 0; messages++) this.#ask(decodeClientMessage(reader))
      }
    } catch (error) {
      if (!(error instanceof SynodError) && !(error instanceof MalformedError)) throw error
      this.#isLost = true
    }
    return messages
  }

  /** The replica says something. */
  wrote(bytes: Uint8Array): void {
    this.#answers.push(bytes)
    for (let payload = this.#answers.next(); payload !== undefined; payload = this.#answers.next()) {
      const reader = new Reader(payload)
      if (!this.#isWelcome) {
        this.#isWelcome = true
        continue
      }
      while (reader.remaining > 0) {
        const message = decodeReplicaMessage(reader)
        if (message.type === 'rest') this.#mustRest = true
        else if (message.type === 'reply' || message.type === 'fail') this.#answer(message.request)
      }
    }
  }

  /** Who has to make room for another waits for nothing, as far as the replica has looked. */
  checkEviction(): void {
    if (!this.#mustRest || this.isOver || this.#behind.length > 0 || this.#unanswered.size === 0) return
    this.#violate(`takes a client for idle that waits for ${this.#unanswered.size} answers`)
  }

  /** Returns whether there was anything to answer. */
  #answer(request: number): boolean {
    const times = this.#unanswered.get(request) ?? 0
    if (times > 1) this.#unanswered.set(request, times - 1)
    else this.#unanswered.delete(request)
    return times > 0
  }

  #ask({ request, type }: ClientMessage): void {
    if (type !== 'cancel') this.#unanswered.set(request, (this.#unanswered.get(request) ?? 0) + 1)
    else if (this.#answer(request)) this.#cancelled++
  }

  /**
   * The replica has been given them; what it has not looked at by now it has put off, and reads
   * nothing more until it has.
   */
  delivered(messages: number, unsentBytes: number): void {
    if (this.isOver || this.isClosing) return
    if (this.isPaused) {
      this.#behind.push(this.#turns.defer(messages))
    } else {
      this.#turns.done(messages)
      if (messages > 0 && unsentBytes > MAX_UNREAD_BYTES)
        this.#violate(`reads from a client that has ${unsentBytes} bytes unread`)
    }
    this.#awaitEnd()
  }

  resumed(): void {
    this.isPaused = false
    for (const batch of this.#behind.splice(0)) this.#turns.caughtUp(batch)
    this.#stopWaiting()
    this.#awaitEnd()
  }

  end(): void {
    this.isOver = true
    for (const batch of this.#behind.splice(0)) this.#turns.forget(batch)
    this.#stopWaiting()
  }

  /**
   * A frame of which the beginning has arrived has to be whole in time, unless nothing is read that
   * could end it.
   */
  #awaitEnd(): void {
    const { bufferedBytes, payloads } = this.#frames
    if (payloads !== this.#payloads || bufferedBytes === 0) this.#stopWaiting()
    this.#payloads = payloads
    if (this.#isLost || this.isPaused || this.isOver || bufferedBytes === 0) return
    this.#cancelTimer ??= this.#clock.timer(FRAME_TIMEOUT_MS + 1, () => {
      this.#cancelTimer = undefined
      if (this.isPaused || this.isOver || this.isClosing) return
      this.#violate(`holds ${bufferedBytes} bytes of a frame that began ${FRAME_TIMEOUT_MS} ms ago`)
    })
  }

  #stopWaiting(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }
}
