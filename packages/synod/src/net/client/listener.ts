import { SynodError } from '../../errors.js'
import type { Channel, ChannelClosed } from '../transport/channel.js'
import {
  listenForChannels,
  type ChannelListener,
  type ChannelListenerOptions,
} from '../transport/channel-listener.js'
import { replicaSide } from './codec.js'
import { CLIENT_LIMIT_BYTES } from './link.js'
import type { ClientMessage, ReplicaMessage } from './messages.js'
import { MAX_CLIENT_CONNECTIONS } from '../transport/descriptors.js'
import { type ClientLoad, openClientLoad } from '../transport/client-load.js'

/** A replica's connection to one client. */
export class ClientConnection {
  readonly #channel: Channel<ReplicaMessage, ClientMessage>

  constructor(channel: Channel<ReplicaMessage, ClientMessage>) {
    this.#channel = channel
  }

  /** The client's address, for messages to people. */
  get remote(): string {
    return this.#channel.remote
  }

  /**
   * Bytes sent, but not yet handed to the kernel: a reason to `pause` a client that does not read.
   */
  get unsentBytes(): number {
    return this.#channel.unsentBytes
  }

  /**
   * Takes a message, to leave with the next `flush`. A client that has more than the limit unsent
   * is disconnected: no answer is ever left out between others. On a closed connection this does
   * nothing.
   *
   * @throws SynodError `too-large` if it takes more than `MAX_MESSAGE_BYTES`.
   */
  send(message: ReplicaMessage): void {
    if (!this.#channel.open || this.#channel.send(message)) return
    this.end(new SynodError('overloaded', 'the client does not read what is sent to it'))
  }

  flush(): void {
    this.#channel.flush()
  }

  /** Receives nothing more until `resume`, apart from what had arrived already. */
  pause(): void {
    this.#channel.pause()
  }

  resume(): void {
    this.#channel.resume()
  }

  /** Ends the connection after what was sent. Nothing more is delivered. */
  close(): void {
    this.#channel.close()
  }

  /** Ends the connection now: this client breaks the rules, or takes too much. */
  end(error: SynodError): void {
    this.#channel.destroy(error)
  }
}

export interface ClientListenerOptions extends Pick<
  ChannelListenerOptions<'client', ReplicaMessage, ClientMessage>,
  'network' | 'clock' | 'address' | 'protocols' | 'judge' | 'onRefused'
> {
  /** Default: 10,000. */
  readonly connectionLimit?: number
  /** Default: 64 MiB of answers that a client has not read. */
  readonly limitBytes?: number
  /** What is held and done for clients is counted here. */
  readonly clientLoad?: ClientLoad
  /** A client was welcomed. */
  onConnected(connection: ClientConnection): void
  onMessages(connection: ClientConnection, batch: ClientMessage[]): void
  /** Everything sent was handed over, after more than `DRAIN_MARK_BYTES` were unsent. */
  onDrained(connection: ClientConnection): void
  onDisconnected(connection: ClientConnection, reason: ChannelClosed): void
  /** Whether it may be closed to make room: its client waits for nothing. */
  isIdle?(connection: ClientConnection): boolean
}

/** Listens for clients. */
export function listenForClients(options: ClientListenerOptions): Promise<ChannelListener> {
  const { network, clock, address, judge, onRefused, protocols, clientLoad = openClientLoad(clock) } = options
  return listenForChannels({
    network,
    clock,
    address,
    protocols,
    judge,
    onRefused,
    kind: 'client',
    codec: replicaSide,
    limitBytes: options.limitBytes ?? CLIENT_LIMIT_BYTES,
    connectionLimit: options.connectionLimit ?? MAX_CLIENT_CONNECTIONS,
    clientLoad,
    onOpen(channel) {
      const connection = new ClientConnection(channel)
      options.onConnected(connection)
      return {
        onMessages(batch) {
          options.onMessages(connection, batch)
        },
        onDrained() {
          options.onDrained(connection)
        },
        onClosed(reason) {
          options.onDisconnected(connection, reason)
        },
        isIdle: () => options.isIdle?.(connection) === true,
        onEvicted() {
          connection.send({ type: 'rest' })
          connection.flush()
        },
      }
    },
  })
}
