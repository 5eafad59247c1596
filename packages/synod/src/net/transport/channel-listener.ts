import type { Clock } from '../../clock.js'
import { SynodError } from '../../errors.js'
import { type Linked, LinkedList } from '../../linked-list.js'
import { Channel, type ChannelClosed } from './channel.js'
import type { MessageCodec } from './message-codec.js'
import { expectHandshake, type Handshake, type HelloOf, type Refuse, type WelcomeOf } from '../hello.js'
import type { ClientLoad } from './client-load.js'
import type { Address, Network, OpenSocket } from './network.js'
import type { VersionRange } from '../../cluster/versions.js'
import type { ConnectionKind } from './preamble.js'

/**
 * How many connections above the limit are told why they are refused. More are closed without a
 * reason.
 */
export const POLITE_REFUSALS = 8

/**
 * This part of all connections may be in their handshake; then the oldest unfinished handshake is
 * closed.
 */
const GREETING_SHARE = 1 / 8

/** How many connections are looked at to find an idle one. Each that is busy comes last again. */
const MAX_LOOKS = 16

/** What one accepted connection tells, once its hello was welcomed. */
export interface ConnectionEvents<In> {
  onMessages(batch: In[]): void
  onDrained(): void
  onClosed(reason: ChannelClosed): void
  /** Whether it may be closed to make room. `onEvicted` tells it first. */
  isIdle?(): boolean
  onEvicted?(): void
}

export interface ChannelListenerOptions<Kind extends ConnectionKind, Out, In> {
  readonly network: Pick<Network, 'listen'>
  readonly clock: Clock
  readonly address: Address
  readonly kind: Kind
  readonly codec: MessageCodec<Out, In>
  /** The versions of the protocol that this side speaks: those of this build unless given. */
  readonly protocols?: VersionRange | undefined
  /** With more unsent bytes than this a connection takes no message. */
  readonly limitBytes: number
  readonly connectionLimit: number
  readonly clientLoad?: ClientLoad
  /** Welcomes or refuses a dialler. */
  judge(hello: HelloOf<Kind>): WelcomeOf<Kind> | Refuse
  /** The welcome has left: messages can be sent. Returns what is to be told of this connection. */
  onOpen(channel: Channel<Out, In>, hello: HelloOf<Kind>): ConnectionEvents<In>
  /** This side ended a connection: who dialled was refused, or sent what it must not. */
  onRefused(error: SynodError, remote: string): void
}

/** Listens at one address, and judges who dials it. */
export interface ChannelListener {
  /** The address, with the real port if 0 was asked for. */
  readonly address: Address
  /** Accepts no more and closes all connections; resolves once they are gone. */
  close(): Promise<void>
}

/** Rejects with SynodError `invalid-options` if it cannot listen at the address. */
export async function listenForChannels<Kind extends ConnectionKind, Out, In>(
  options: ChannelListenerOptions<Kind, Out, In>,
): Promise<ChannelListener> {
  const accepted = new Accepted(options)
  const listener = await options.network.listen(options.address, (open) => {
    accepted.accept(open)
  })
  return {
    address: listener.address,
    close() {
      const closed = listener.close()
      accepted.close()
      return closed
    },
  }
}

/** One of the connections that a listener has accepted. */
interface Place<Out, In> extends Linked<Place<Out, In>> {
  readonly channel: Channel<Out, In>
  /** Undefined until its hello was welcomed. */
  connection: ConnectionEvents<In> | undefined
}

/** The connections that a listener has accepted, and who of them goes when there are too many. */
class Accepted<Kind extends ConnectionKind, Out, In> {
  readonly #options: ChannelListenerOptions<Kind, Out, In>
  /** In the order in which they came. */
  readonly #greeting = new LinkedList<Place<Out, In>>()
  /** The one that has said nothing for the longest comes first. */
  readonly #open = new LinkedList<Place<Out, In>>()
  readonly #all = new Set<Place<Out, In>>()
  #greetingCount = 0

  constructor(options: ChannelListenerOptions<Kind, Out, In>) {
    this.#options = options
  }

  accept(open: OpenSocket): void {
    const limit = this.#options.connectionLimit
    if (this.#all.size >= limit) this.#makeRoom()
    const { channel } = this.#take(open)
    const excess = this.#all.size - limit
    if (excess > POLITE_REFUSALS) {
      channel.destroy()
    } else if (excess > 0) {
      const { kind } = this.#options
      channel.refuse(new SynodError('overloaded', `${limit} ${kind}s are connected, which is the limit`))
    }
  }

  close(): void {
    for (const { channel } of this.#all) channel.close()
  }

  /** Ends a connection of which least is lost, if there is one. */
  #makeRoom(): void {
    const { connectionLimit } = this.#options
    if (this.#greetingCount > GREETING_SHARE * connectionLimit) {
      this.#drop(this.#greeting.first)
      return
    }
    for (let looks = 0; looks < MAX_LOOKS; looks++) {
      const place = this.#open.first
      if (place?.connection === undefined) break
      if (place.connection.isIdle?.() === true) {
        place.connection.onEvicted?.()
        this.#drop(place)
        return
      }
      this.#open.remove(place)
      this.#open.append(place)
    }
  }

  #drop(place: Place<Out, In> | undefined): void {
    if (place === undefined) return
    place.channel.destroy(
      new SynodError(
        'overloaded',
        `${this.#options.connectionLimit} connections are open, and this one was idle`,
      ),
    )
    this.#forget(place)
  }

  #forget(place: Place<Out, In>): void {
    if (!this.#all.delete(place)) return
    if (place.connection !== undefined) {
      this.#open.remove(place)
    } else {
      this.#greeting.remove(place)
      this.#greetingCount--
    }
  }

  #take(open: OpenSocket): Place<Out, In> {
    let hello: HelloOf<Kind>
    const { clock, codec, clientLoad, kind, limitBytes, protocols } = this.#options
    const channel = new Channel<Out, In>(open, {
      clock,
      kind,
      protocols,
      codec,
      limitBytes,
      ...(clientLoad && { clientLoad }),
      events: {
        greet: (message) => {
          hello = expectHandshake(message, `${kind}-hello`)
          const verdict: Handshake = this.#options.judge(hello)
          if (verdict.type === 'refuse') throw new SynodError(verdict.code, verdict.reason)
          return verdict
        },
        onOpen: () => {
          this.#greeting.remove(place)
          this.#greetingCount--
          this.#open.append(place)
          place.connection = this.#options.onOpen(channel, hello)
        },
        onMessages: (batch) => {
          this.#open.remove(place)
          this.#open.append(place)
          place.connection?.onMessages(batch)
        },
        onDrained: () => {
          place.connection?.onDrained()
        },
        onClosed: (reason) => {
          this.#forget(place)
          if (reason instanceof SynodError) this.#options.onRefused(reason, channel.remote)
          place.connection?.onClosed(reason)
        },
      },
    })
    const place: Place<Out, In> = { channel, connection: undefined, before: undefined, after: undefined }
    this.#greeting.append(place)
    this.#greetingCount++
    this.#all.add(place)
    return place
  }
}
