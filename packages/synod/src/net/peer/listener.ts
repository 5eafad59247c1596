import type { ServerId } from '../../paxos/ballot.js'
import type { Message } from '../../paxos/messages.js'
import { SynodError } from '../../errors.js'
import type { Channel } from '../transport/channel.js'
import {
  listenForChannels,
  type ChannelListener,
  type ChannelListenerOptions,
} from '../transport/channel-listener.js'
import { MAX_PEER_CONNECTIONS } from '../transport/descriptors.js'
import type { ConnectionPurpose } from '../hello.js'
import { peerReceiver } from './codec.js'
import { SNAPSHOT_LIMIT_BYTES } from './link.js'
import type { PeerMessage, PeerReport, SnapshotReply, SnapshotRequest } from './messages.js'

const PURPOSES: readonly ConnectionPurpose[] = ['messages', 'snapshot']

/** Answers a request for a piece of a snapshot; after the connection is gone it does nothing. */
export type AnswerSnapshot = (reply: SnapshotReply) => void

export interface PeerListenerOptions extends Pick<
  ChannelListenerOptions<'peer', SnapshotReply, PeerMessage>,
  'network' | 'clock' | 'address' | 'protocols' | 'judge' | 'onRefused'
> {
  /** Default: 1,024. */
  readonly connectionLimit?: number
  /** Messages of one peer, in the order sent; some may be missing. */
  onMessages(from: ServerId, batch: Message[]): void
  onReport?(from: ServerId, report: PeerReport): void
  /** Without this, no peer gets a snapshot here. */
  onSnapshotRequest?(from: ServerId, request: SnapshotRequest, answer: AnswerSnapshot): void
}

export interface PeerListener extends ChannelListener {
  /** Ends the connections of this server: it is not welcome any more. */
  drop(server: ServerId): void
}

/**
 * Listens for the messages of other servers. Each has one connection for messages and one to get a
 * snapshot: a second one for the same purpose replaces the first, whose end may not have been
 * noticed yet.
 */
export async function listenForPeers(options: PeerListenerOptions): Promise<PeerListener> {
  const { network, clock, address, judge, onRefused, protocols } = options
  const channels = new Map<string, Channel<SnapshotReply, PeerMessage>>()
  const listener = await listenForChannels({
    network,
    clock,
    address,
    protocols,
    judge,
    onRefused,
    kind: 'peer',
    codec: peerReceiver,
    limitBytes: SNAPSHOT_LIMIT_BYTES,
    connectionLimit: options.connectionLimit ?? MAX_PEER_CONNECTIONS,
    onOpen(channel, { purpose, server }) {
      const place = `${server} ${purpose}`
      channels.get(place)?.close()
      channels.set(place, channel)
      const answer: AnswerSnapshot = (reply) => {
        channel.send(reply)
        channel.flush()
      }
      return {
        onMessages(batch) {
          if (purpose === 'messages' && batch.every(isProtocol)) {
            options.onMessages(server, batch)
            return
          }
          const reports = batch.filter(isReport)
          const protocol = batch.filter(isProtocol)
          if (purpose === 'messages' && reports.length + protocol.length === batch.length) {
            for (const report of reports) options.onReport?.(server, report)
            options.onMessages(server, protocol)
            return
          }
          const [request] = batch
          if (purpose === 'messages' || batch.length !== 1 || request?.type !== 'snapshot-request')
            channel.destroy(new SynodError('wrong-protocol', `a message that is not for this connection`))
          else if (options.onSnapshotRequest === undefined) answer({ type: 'no-snapshot' })
          else options.onSnapshotRequest(server, request, answer)
        },
        onDrained: () => undefined,
        onClosed() {
          if (channels.get(place) === channel) channels.delete(place)
        },
      }
    },
  })
  return {
    ...listener,
    drop(server) {
      for (const purpose of PURPOSES) channels.get(`${server} ${purpose}`)?.close()
    },
  }
}

/** Of what kind a message is that is not of the protocol: each such type is named here. */
const OTHER_KINDS: Readonly<Record<Exclude<PeerMessage, Message>['type'], 'report' | 'snapshot'>> = {
  digest: 'report',
  disk: 'report',
  'clock-request': 'report',
  clock: 'report',
  'group-counts': 'report',
  'snapshot-request': 'snapshot',
  'snapshot-chunk': 'snapshot',
  'no-snapshot': 'snapshot',
}

function isReport(message: PeerMessage): message is PeerReport {
  return !isProtocol(message) && OTHER_KINDS[message.type] === 'report'
}

function isProtocol(message: PeerMessage): message is Message {
  return !Object.hasOwn(OTHER_KINDS, message.type)
}
