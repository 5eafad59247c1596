import type { Clock } from '../clock.js'
import { SynodError } from '../errors.js'
import { Channel, type ChannelClosed } from './channel.js'
import type { Codec } from './codec.js'
import { expectHandshake, type Handshake, type HelloOf, type Refuse, type WelcomeOf } from './hello.js'
import type { Address, Network, OpenSocket } from './network.js'
import type { ConnectionKind } from './preamble.js'

/** So many connections above the limit are told why they are refused; more are dropped without a word. */
const POLITE_REFUSALS = 64

/** What one accepted connection tells, once its hello was welcomed. */
export interface ConnectionEvents<In> {
  onMessages(batch: In[]): void
  onDrained(): void
  onClosed(reason: ChannelClosed): void
}

export interface ChannelListenerOptions<Kind extends ConnectionKind, Out, In> {
  readonly network: Network
  readonly clock: Clock
  readonly address: Address
  readonly kind: Kind
  readonly codec: Codec<Out, In>
  /** Above so many unsent bytes a connection takes no message. */
  readonly limit_bytes: number
  readonly limit_connections: number
  /** Welcomes or refuses whoever dialled. */
  judge(hello: HelloOf<Kind>): WelcomeOf<Kind> | Refuse
  /** The welcome has left: messages can be sent. Returns what is to be told of this connection. */
  onOpen(channel: Channel<Out, In>, hello: HelloOf<Kind>): ConnectionEvents<In>
  /** This side ended a connection: who dialled was refused, or sent what it must not. */
  onRefused(error: SynodError, remote: string): void
}

/** Listens at one address, and judges whoever dials it. */
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
  const channels = new Set<Channel<Out, In>>()
  const listener = await options.network.listen(options.address, (open) => {
    const channel = acceptChannel(open, options, () => channels.delete(channel))
    channels.add(channel)
    const excess = channels.size - options.limit_connections
    if (excess > POLITE_REFUSALS) {
      channel.destroy()
    } else if (excess > 0) {
      const limit = options.limit_connections
      channel.refuse(
        new SynodError('overloaded', `${limit} ${options.kind}s are connected, which is the limit`),
      )
    }
  })
  return {
    address: listener.address,
    close() {
      const closed = listener.close()
      for (const channel of channels) channel.close()
      return closed
    },
  }
}

function acceptChannel<Kind extends ConnectionKind, Out, In>(
  open: OpenSocket,
  options: ChannelListenerOptions<Kind, Out, In>,
  onGone: () => void,
): Channel<Out, In> {
  let hello: HelloOf<Kind>
  let connection: ConnectionEvents<In> | undefined
  const { clock, kind, codec, limit_bytes } = options
  const channel = new Channel<Out, In>(open, {
    clock,
    kind,
    codec,
    limit_bytes,
    events: {
      greet(message) {
        hello = expectHandshake(message, `${kind}-hello`)
        const verdict: Handshake = options.judge(hello)
        if (verdict.type === 'refuse') throw new SynodError(verdict.code, verdict.reason)
        return verdict
      },
      onOpen() {
        connection = options.onOpen(channel, hello)
      },
      onMessages(batch) {
        connection?.onMessages(batch)
      },
      onDrained() {
        connection?.onDrained()
      },
      onClosed(reason) {
        onGone()
        if (reason instanceof SynodError) options.onRefused(reason, channel.remote)
        connection?.onClosed(reason)
      },
    },
  })
  return channel
}
