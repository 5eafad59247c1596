import type { SynodError } from '../../src/errors.js'
import type { ChannelClosed } from '../../src/net/transport/channel.js'
import type { ClientConnection, ClientListenerOptions } from '../../src/net/client/listener.js'
import { listenForClients } from '../../src/net/client/listener.js'
import { openClientLink, type ClientLinkOptions } from '../../src/net/client/link.js'
import type { ClientMessage, ReplicaMessage } from '../../src/net/client/messages.js'
import { listenForPeers, type PeerListenerOptions } from '../../src/net/peer/listener.js'
import { openPeerLink, type PeerLinkOptions } from '../../src/net/peer/link.js'
import type { Message } from '../../src/paxos/messages.js'
import type { Address } from '../../src/net/transport/network.js'
import { ManualClock } from './manual-clock.js'
import { MemoryNetwork, type MemoryNetworkOptions } from '../../../testing/src/simulator/hardware/network.js'
import { clientHello, clientWelcome, peerHello, peerWelcome } from './samples.js'

export const PEER_ADDRESS: Address = { host: 'b', port: 2380 }
export const CLIENT_ADDRESS: Address = { host: 'b', port: 2379 }

/** A clock that stands still and a network in memory; what happens is noted in `log`. */
export class Rig {
  readonly clock = new ManualClock()
  readonly network: MemoryNetwork
  readonly log: string[] = []

  constructor(options?: MemoryNetworkOptions) {
    this.network = new MemoryNetwork(this.clock, options)
  }

  /** What was noted since the last call. */
  taken(): string[] {
    return this.log.splice(0)
  }

  note(text: string): void {
    this.log.push(text)
  }

  /** When each dial was made. */
  dialTimes(): number[] {
    return this.network.dials.map(({ atMs }) => atMs)
  }

  async peers(options: Partial<PeerListenerOptions> = {}) {
    const received: { from: number; message: Message }[] = []
    const listener = await listenForPeers({
      network: this.network.host('b'),
      clock: this.clock,
      address: PEER_ADDRESS,
      judge: () => peerWelcome,
      onMessages: (from, batch) => {
        received.push(...batch.map((message) => ({ from, message })))
      },
      onRefused: (error: SynodError) => this.note(`listener refused: ${error.code}: ${error.message}`),
      ...options,
    })
    return { listener, received }
  }

  peerLink(options: Partial<PeerLinkOptions> = {}) {
    return openPeerLink({
      network: this.network.host('a'),
      clock: this.clock,
      random: () => 1,
      address: PEER_ADDRESS,
      hello: () => peerHello,
      onUp: ({ server }) => this.note(`up: s${server}`),
      onDown: (reason) => this.note(`down: ${reason}`),
      onRefused: (code, reason) => this.note(`refused: ${code}: ${reason}`),
      onProcessGone: () => this.note('process gone'),
      ...options,
    })
  }

  async clients(options: Partial<ClientListenerOptions> = {}) {
    const connections: ClientConnection[] = []
    const batches: ClientMessage[][] = []
    const listener = await listenForClients({
      network: this.network.host('b'),
      clock: this.clock,
      address: CLIENT_ADDRESS,
      judge: () => clientWelcome,
      onConnected: (connection) => connections.push(connection),
      onMessages: (_connection, batch) => batches.push(batch),
      onDrained: () => this.note('drained'),
      onDisconnected: (_connection, reason: ChannelClosed) =>
        this.note(`disconnected: ${typeof reason === 'string' ? reason : reason.message}`),
      onRefused: (error: SynodError) => this.note(`listener refused: ${error.code}: ${error.message}`),
      ...options,
    })
    return { listener, connections, batches }
  }

  clientLink(options: Partial<ClientLinkOptions> = {}) {
    const batches: ReplicaMessage[][] = []
    const link = openClientLink({
      network: this.network.host('a'),
      clock: this.clock,
      random: () => 1,
      address: CLIENT_ADDRESS,
      hello: () => clientHello,
      onUp: ({ server }) => this.note(`up: s${server}`),
      onDown: (reason) => this.note(`down: ${reason}`),
      onRefused: (code, reason) => this.note(`refused: ${code}: ${reason}`),
      onMessages: (batch) => batches.push(batch),
      ...options,
    })
    return { link, batches }
  }
}
