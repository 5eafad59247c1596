import { type VersionRange, newestInBoth } from '../../cluster/versions.js'
import type { Clock } from '../../clock.js'
import { SynodError } from '../../errors.js'
import { type KeepAlive, KeepAliveSender, KeepAliveWatch } from './keep-alive.js'
import type { MessageCodec } from './message-codec.js'
import { asFault } from './fault.js'
import { FrameWriter, MAX_FRAME_BYTES } from './frame.js'
import { decodeHandshake, encodeHandshake, type Handshake } from '../hello.js'
import type { ClientLoad } from './client-load.js'
import { DRAIN_MARK_BYTES, type OpenSocket, type Socket, type SocketClosed } from './network.js'
import { PROTOCOLS, type ConnectionKind } from './preamble.js'
import { Receiver } from './receiver.js'

/** From the dial to the end of the handshake. */
export const HANDSHAKE_TIMEOUT_MS = 5000

/** How long the other side may take to receive the last bytes and to end the connection too. */
export const CLOSE_TIMEOUT_MS = 1000

/** A frame that has grown to this size leaves without waiting for `flush`. */
export const FULL_FRAME_BYTES = 256 * 1024

/** A buffer for frames is kept up to this size, and where there may be many connections to this. */
const KEPT_BYTES = 1 << 20
const KEPT_FOR_CLIENT_BYTES = 4 * 1024

/** What one message may take, so that it fits into a frame with what was already there. */
export const MAX_MESSAGE_BYTES = MAX_FRAME_BYTES - FULL_FRAME_BYTES

/** Why a channel is over: what the network said, or the error for which this side ended it. */
export type ChannelClosed = SocketClosed | SynodError

/** What a channel tells its owner; never from within a call that the owner makes. */
export interface ChannelEvents<In> {
  /**
   * Judges the other side's handshake message. The side that was dialled returns its answer.
   *
   * @throws SynodError to have none of it: the other side is told, if it dialled.
   */
  greet(message: Handshake): Handshake | undefined
  /** The handshake is over: messages can be sent. */
  onOpen(): void
  /** All messages that the last bytes received have completed, in order (4096 at a time). */
  onMessages(batch: In[]): void
  /** `unsentBytes` is back at 0, or near it, after it was above `DRAIN_MARK_BYTES`. */
  onDrained(): void
  /** The connection is gone. Called exactly once, and last. */
  onClosed(reason: ChannelClosed): void
}

export interface ChannelOptions<Out, In> {
  readonly clock: Clock
  readonly kind: ConnectionKind
  /** The versions of the protocol that this side speaks: those of this build unless given. */
  readonly protocols?: VersionRange | undefined
  readonly codec: MessageCodec<Out, In>
  /** With more unsent bytes than this no message is taken. */
  readonly limitBytes: number
  /** Given by the side that dials; the other side answers. */
  readonly hello?: Handshake
  /**
   * Bounds what is held and done for the other side, together with others like it. Without it, the
   * other side is trusted that far.
   */
  readonly clientLoad?: ClientLoad
  readonly events: ChannelEvents<In>
}

/**
 * A connection that speaks in messages. Each side introduces itself first; then messages go in
 * frames, all that were sent since the last `flush` in one. What the other side sends is not
 * trusted: a fault in it closes the channel with the error that says why.
 */
export class Channel<Out, In> {
  readonly #clock: Clock
  readonly #codec: MessageCodec<Out, In>
  readonly #limitBytes: number
  readonly #dialled: boolean
  readonly #protocols: VersionRange
  readonly #events: ChannelEvents<In>
  readonly #socket: Socket
  readonly #output: FrameWriter
  readonly #receiver: Receiver<In>
  #state: 'greeting' | 'open' | 'closing' = 'greeting'
  #reason: ChannelClosed | undefined
  #cancelTimer: () => void
  readonly #alive: KeepAlive

  constructor(open: OpenSocket, options: ChannelOptions<Out, In>) {
    this.#clock = options.clock
    this.#codec = options.codec
    this.#limitBytes = options.limitBytes
    this.#dialled = options.hello !== undefined
    this.#protocols = options.protocols ?? PROTOCOLS
    this.#events = options.events
    this.#alive = this.#dialled
      ? new KeepAliveWatch(this.#clock, () => {
          this.destroy('timeout')
        })
      : new KeepAliveSender(
          this.#clock,
          () => {
            this.#sign()
          },
          () => this.#receiver.isHeldBack,
        )
    this.#output = new FrameWriter(
      options.kind,
      this.#protocols,
      options.clientLoad === undefined ? KEPT_BYTES : KEPT_FOR_CLIENT_BYTES,
    )
    this.#receiver = new Receiver<In>({
      ...{ clock: options.clock, codec: options.codec, clientLoad: options.clientLoad },
      ...{ kind: options.kind, protocols: this.#protocols },
      socket: {
        pause: () => {
          this.#socket.pause()
        },
        resume: () => {
          this.#socket.resume()
        },
      },
      onMessages: (batch) => {
        this.#events.onMessages(batch)
      },
      onFault: (fault) => {
        this.destroy(fault)
      },
    })
    this.#socket = open({
      data: (chunk) => {
        this.#receive(chunk)
      },
      drained: () => {
        if (this.#state !== 'open') return
        this.flush()
        this.#events.onDrained()
      },
      closed: (reason) => {
        this.#end(reason)
        this.#events.onClosed(this.#reason ?? reason)
      },
    })
    this.#cancelTimer = this.#clock.timer(HANDSHAKE_TIMEOUT_MS, () => {
      this.destroy('timeout')
    })
    if (options.hello) this.#sendHandshake(options.hello)
  }

  /** The other side's address, for messages to people. */
  get remote(): string {
    return this.#socket.remote
  }

  /**
   * The version of the protocol that is spoken here: the newest that both sides speak; 0 until that
   * is known.
   */
  get protocol(): number {
    const { theirs } = this.#receiver
    return (theirs && newestInBoth(this.#protocols, theirs)) ?? 0
  }

  /** The handshake is over, and the end has not come. */
  get open(): boolean {
    return this.#state === 'open'
  }

  /** Bytes sent, but not yet handed to the kernel. */
  get unsentBytes(): number {
    return this.#output.length + this.#socket.unsentBytes
  }

  /**
   * Takes a message, to leave with the next `flush`. Returns false if it was not taken: the channel
   * is not open, or has more than `limitBytes` unsent.
   *
   * @throws SynodError `too-large` if it takes more than `MAX_MESSAGE_BYTES`; the channel goes on.
   */
  send(message: Out): boolean {
    if (this.#state !== 'open' || this.unsentBytes > this.#limitBytes) return false
    const writer = this.#output.open()
    const start = writer.length
    this.#codec.encode(writer, message)
    const size = writer.length - start
    if (size > MAX_MESSAGE_BYTES) {
      this.#output.cut(start)
      throw new SynodError('too-large', `a message of ${size} bytes, above the limit of ${MAX_MESSAGE_BYTES}`)
    }
    if (this.#output.length >= FULL_FRAME_BYTES) this.flush()
    return true
  }

  /**
   * Hands everything sent so far to the network; where that is behind, once it is not, or in large
   * pieces: each costs memory.
   */
  flush(): void {
    const isBehind = this.#socket.unsentBytes >= DRAIN_MARK_BYTES
    if (!isBehind || this.#output.length >= FULL_FRAME_BYTES) this.#write()
  }

  /** Receives nothing more until `resume`. */
  pause(): void {
    this.#receiver.pause()
  }

  resume(): void {
    this.#receiver.resume()
  }

  /** Ends the connection after what was sent. Nothing more is delivered. */
  close(reason: ChannelClosed = 'closed'): void {
    if (this.#state === 'closing') return
    this.#write()
    this.#end(reason)
    this.#socket.close()
    this.#cancelTimer = this.#clock.timer(CLOSE_TIMEOUT_MS, () => {
      this.#socket.destroy()
    })
  }

  /** Tells the other side why it is not served, and ends the connection. */
  refuse(error: SynodError): void {
    if (this.#state !== 'greeting') return
    this.#sendHandshake({ type: 'refuse', code: error.code, reason: error.message })
    this.close(error)
  }

  /** Ends the connection now, and throws away what is unsent. Nothing more is delivered. */
  destroy(reason: ChannelClosed = 'closed'): void {
    this.#end(reason)
    this.#socket.destroy()
  }

  #end(reason: ChannelClosed): void {
    this.#state = 'closing'
    this.#reason ??= reason
    this.#receiver.end()
    this.#output.take()
    this.#cancelTimer()
    this.#alive.stop()
  }

  #write(): void {
    if (this.#output.length === 0 || this.#state !== 'open') return
    this.#output.writeTo(this.#socket)
    this.#alive.onSent()
  }

  #sendHandshake(message: Handshake): void {
    encodeHandshake(this.#output.open(), message)
    this.#output.writeTo(this.#socket)
  }

  /** Writes an empty frame, or what waits anyway. */
  #sign(): void {
    this.#output.open()
    this.flush()
  }

  #receive(chunk: Uint8Array): void {
    if (this.#state === 'closing') return
    this.#alive.onReceived()
    this.#receiver.push(chunk)
    if (this.#state === 'greeting') this.#greet()
    this.#receiver.deliver()
  }

  #greet(): void {
    let answer: Handshake | undefined
    try {
      const payload = this.#receiver.takeHandshake()
      if (payload === undefined) return
      const speaksLater = (this.#receiver.theirs?.newest ?? 0) > this.#protocols.newest
      answer = this.#events.greet(decodeHandshake(payload, speaksLater))
    } catch (error) {
      const fault = asFault(error)
      if (this.#dialled) this.destroy(fault)
      else this.refuse(fault)
      return
    }
    if (answer) this.#sendHandshake(answer)
    this.#state = 'open'
    this.#receiver.start()
    this.#cancelTimer()
    this.#events.onOpen()
  }
}
