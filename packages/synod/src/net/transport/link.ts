import type { Clock } from '../../clock.js'
import { SynodError, type ErrorCode } from '../../errors.js'
import { Channel, type ChannelClosed } from './channel.js'
import type { MessageCodec } from './message-codec.js'
import { expectHandshake, type HelloOf, type WelcomeOf } from '../hello.js'
import { formatAddress, type Address, type Network } from './network.js'
import type { VersionRange } from '../../cluster/versions.js'
import type { ConnectionKind } from './preamble.js'

/** The first wait before dialling again; each further one is twice as long. */
export const SHORTEST_WAIT_MS = 10

/** A connection that was up for so long was no failed attempt. */
export const SETTLED_MS = 100

/** The longest wait before dialling again. */
export const LONGEST_WAIT_MS = 1000

export interface LinkEvents<Kind extends ConnectionKind, In> {
  /**
   * Judges a welcome before the link is up. Returns the error for which this side does not want it.
   */
  judge?(welcome: WelcomeOf<Kind>): SynodError | undefined
  /** The other side has welcomed this one: messages can be sent. */
  onUp(welcome: WelcomeOf<Kind>): void
  /** The link was up, and its connection broke. It dials again. */
  onDown(reason: string): void
  /**
   * One side will not speak to the other. Told once until the reason changes; the link keeps
   * trying.
   */
  onRefused(code: ErrorCode, reason: string): void
  /** A dial has failed, or was refused. */
  onUnreachable?(): void
  /** The link was up, its connection broke, and now nothing listens there: the process is gone. */
  onProcessGone?(): void
  onMessages(batch: In[]): void
}

export interface LinkOptions<Kind extends ConnectionKind, Out, In> extends LinkEvents<Kind, In> {
  readonly network: Network
  readonly clock: Clock
  /** A number from 0 to below 1, to spread the waits. */
  readonly random: () => number
  readonly address: Address
  readonly kind: Kind
  readonly codec: MessageCodec<Out, In>
  /** The versions of the protocol that this side speaks: those of this build unless given. */
  readonly protocols?: VersionRange
  /** With more unsent bytes than this, messages are dropped. */
  readonly limitBytes: number
  /** It is not dialled before `wake`. */
  readonly isAtRest?: boolean
  /** What to introduce oneself with, asked at each dial. */
  readonly hello: () => HelloOf<Kind>
}

/** A link as it is shown to people. */
export interface LinkStatus {
  readonly address: string
  readonly up: boolean
  /** The version of the protocol that both sides speak; 0 while it is down. */
  readonly protocol: number
  /** For how long it has been up, or down. */
  readonly forMs: number
  /** Why it is down: how the last connection ended, or the last dial failed. */
  readonly reason: string | undefined
  readonly unsentBytes: number
  /** Messages not taken since the start, because the link was down or full. */
  readonly droppedMessages: number
}

/**
 * A connection to one address that is dialled again whenever it ends, until `close`: at once if it
 * was up for a while, as a refusal then shows that its process is gone, and at least once a second.
 * Otherwise after waits that grow, and of which half is random.
 */
export class Link<Kind extends ConnectionKind, Out, In> {
  readonly #options: LinkOptions<Kind, Out, In>
  #channel: Channel<Out, In> | undefined
  /** Ends the wait before the next dial; undefined while it does not wait. */
  #cancelWait: (() => void) | undefined
  #closed = false
  #up = false
  #since: number
  #reason: string | undefined
  #refusal: string | undefined
  #dropped = 0
  /** Dials since the waits began to grow. */
  #dials = 0
  #dialledAtOnce = -Infinity
  /** Its connection is not to be dialled again until there is something to say. */
  #isResting = false
  /** The hello has changed since it was dialled: once it is up, it is dialled again. */
  #isOutdated = false
  /** It was up, and it is not known what became of the process there. */
  #broken = false

  constructor(options: LinkOptions<Kind, Out, In>) {
    this.#options = options
    this.#since = options.clock.now()
    if (options.isAtRest === true) this.#isResting = true
    else this.#channel = this.#dial()
  }

  get up(): boolean {
    return this.#up
  }

  /** Bytes sent, but not yet handed to the kernel. */
  get unsentBytes(): number {
    return this.#channel?.unsentBytes ?? 0
  }

  /**
   * Takes a message, to leave with the next `flush`. Returns false, and counts it as dropped, if
   * the link is down or full.
   *
   * @throws SynodError `too-large` if it takes more than `MAX_MESSAGE_BYTES`.
   */
  send(message: Out): boolean {
    const taken = this.#channel?.send(message) ?? false
    if (!taken) this.#dropped++
    return taken
  }

  flush(): void {
    this.#channel?.flush()
  }

  /** Introduces this side anew: its hello has changed. */
  redial(): void {
    if (this.#up) this.#channel?.close()
    else this.#isOutdated = true
  }

  /** When its connection ends, it is not dialled again before `wake`. */
  rest(): void {
    this.#isResting = true
  }

  /** Returns whether it dials now, and did not before. */
  wake(): boolean {
    if (!this.#isResting) return false
    this.#isResting = false
    if (this.#up || this.#closed) return false
    this.#channel = this.#dial()
    return true
  }

  /** The other side is known to be there: it is dialled now, if this side waits to do so. */
  hurry(): void {
    if (this.#cancelWait === undefined || this.#closed) return
    this.#cancelWait()
    this.#cancelWait = undefined
    this.#dials = 0
    this.#channel = this.#dial()
  }

  /** Ends the link, after what was sent. Nothing is told any more. */
  close(): void {
    this.#closed = true
    this.#up = false
    this.#cancelWait?.()
    this.#channel?.close()
  }

  status(): LinkStatus {
    return {
      address: formatAddress(this.#options.address),
      up: this.#up,
      protocol: this.#up ? (this.#channel?.protocol ?? 0) : 0,
      forMs: this.#options.clock.now() - this.#since,
      reason: this.#reason,
      unsentBytes: this.unsentBytes,
      droppedMessages: this.#dropped,
    }
  }

  #dial(): Channel<Out, In> {
    const { network, address, clock, kind, codec, limitBytes, hello, protocols } = this.#options
    let welcome: WelcomeOf<Kind>
    this.#dials++
    this.#isOutdated = false
    return new Channel<Out, In>((events) => network.connect(address, events), {
      clock,
      kind,
      protocols,
      codec,
      limitBytes,
      hello: hello(),
      events: {
        greet: (message) => {
          welcome = expectHandshake(message, `${kind}-welcome`)
          const refusal = this.#options.judge?.(welcome)
          if (refusal) throw refusal
          return undefined
        },
        onOpen: () => {
          this.#welcomed(welcome)
          if (this.#isOutdated) this.redial()
        },
        onMessages: (batch) => {
          this.#options.onMessages(batch)
        },
        onDrained: () => undefined,
        onClosed: (reason) => {
          this.#ended(reason)
        },
      },
    })
  }

  #welcomed(welcome: WelcomeOf<Kind>): void {
    this.#turn(true)
    this.#broken = false
    this.#refusal = undefined
    this.#reason = undefined
    this.#options.onUp(welcome)
  }

  #ended(reason: ChannelClosed): void {
    if (this.#closed) return
    this.#reason = typeof reason === 'string' ? reason : reason.message
    if (this.#up) {
      const wasSettled = this.#options.clock.now() - this.#since >= SETTLED_MS
      this.#turn(false)
      this.#broken = true
      this.#options.onDown(this.#reason)
      if (!this.#isResting) this.#dialAfterBreak(wasSettled)
      return
    }
    if (reason instanceof SynodError) {
      this.#broken = false
      this.#dialAfter(LONGEST_WAIT_MS)
      this.#reportRefusal(reason)
    } else {
      this.#dialAfter(SHORTEST_WAIT_MS * 2 ** (this.#dials - 1))
      if (reason === 'refused' && this.#broken) {
        this.#broken = false
        this.#options.onProcessGone?.()
      }
    }
    this.#options.onUnreachable?.()
  }

  #turn(up: boolean): void {
    this.#up = up
    this.#since = this.#options.clock.now()
  }

  #reportRefusal({ code, message }: SynodError): void {
    const refusal = `${code}: ${message}`
    if (refusal === this.#refusal) return
    this.#refusal = refusal
    this.#options.onRefused(code, message)
  }

  #dialAfterBreak(wasSettled: boolean): void {
    if (this.#closed) return
    const now = this.#options.clock.now()
    if (wasSettled || now - this.#dialledAtOnce >= LONGEST_WAIT_MS) {
      this.#dialledAtOnce = now
      this.#dials = 0
      this.#channel = this.#dial()
    } else {
      this.#dialAfter(SHORTEST_WAIT_MS * 2 ** (this.#dials - 1))
    }
  }

  #dialAfter(waitMs: number): void {
    const { clock, random } = this.#options
    const jitteredMs = Math.min(waitMs, LONGEST_WAIT_MS) * (0.5 + random() / 2)
    this.#cancelWait = clock.timer(jitteredMs, () => {
      this.#cancelWait = undefined
      this.#channel = this.#dial()
    })
  }
}
