import type { ServerId } from '../paxos/ballot.js'
import type { Message } from '../paxos/messages.js'
import type { Channel } from './channel.js'
import { listenForChannels, type ChannelListener, type ChannelListenerOptions } from './channel-listener.js'
import { peerReceiver } from './peer-codec.js'

/** More than the servers that a cluster can have; the rest is for connections about to be replaced. */
const MAX_PEER_CONNECTIONS = 1024

export interface PeerListenerOptions extends Pick<
  ChannelListenerOptions<'peer', never, Message>,
  'network' | 'clock' | 'address' | 'judge' | 'onRefused'
> {
  /** Messages of one peer, in the order sent; some may be missing. */
  onMessages(from: ServerId, batch: Message[]): void
}

/**
 * Listens for the messages of other servers. Each has one connection: a second one replaces the first, whose
 * end may not have been noticed yet.
 */
export function listenForPeers(options: PeerListenerOptions): Promise<ChannelListener> {
  const { network, clock, address, judge, onRefused } = options
  const channels = new Map<ServerId, Channel<never, Message>>()
  return listenForChannels({
    network,
    clock,
    address,
    judge,
    onRefused,
    kind: 'peer',
    codec: peerReceiver,
    limit_bytes: 0,
    limit_connections: MAX_PEER_CONNECTIONS,
    onOpen(channel, { server }) {
      channels.get(server)?.close()
      channels.set(server, channel)
      return {
        onMessages(batch) {
          options.onMessages(server, batch)
        },
        onDrained: () => undefined,
        onClosed() {
          if (channels.get(server) === channel) channels.delete(server)
        },
      }
    },
  })
}
