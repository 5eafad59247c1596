import type { Message } from '../../paxos/messages.js'
import { Link, type LinkOptions } from '../transport/link.js'
import { peerSender, snapshotAsker } from './codec.js'
import type { PeerMessage, PeerReport, SnapshotRequest } from './messages.js'

/**
 * What a link to a peer may have unsent; further messages are dropped, and repaired by catch-up.
 */
export const PEER_LIMIT_BYTES = 16 * 1024 * 1024

/**
 * The same of a connection for a snapshot: each side sends one message, and waits for the answer.
 */
export const SNAPSHOT_LIMIT_BYTES = 2 * 1024 * 1024

/**
 * The connection over which this server's messages go to one peer. That peer's come over one of its
 * own.
 */
export type PeerLink = Link<'peer', Message | PeerReport, never>

export interface PeerLinkOptions extends Omit<
  LinkOptions<'peer', Message | PeerReport, never>,
  'kind' | 'codec' | 'limitBytes' | 'onMessages'
> {
  /** Default: 16 MiB. */
  readonly limitBytes?: number
}

export function openPeerLink(options: PeerLinkOptions): PeerLink {
  return new Link({
    limitBytes: PEER_LIMIT_BYTES,
    ...options,
    kind: 'peer',
    codec: peerSender,
    onMessages: () => undefined,
  })
}

/** The connection over which this server gets a snapshot from a peer. */
export type SnapshotLink = Link<'peer', SnapshotRequest, PeerMessage>

export function openSnapshotLink(
  options: Omit<LinkOptions<'peer', SnapshotRequest, PeerMessage>, 'kind' | 'codec' | 'limitBytes'>,
): SnapshotLink {
  return new Link({ ...options, limitBytes: SNAPSHOT_LIMIT_BYTES, kind: 'peer', codec: snapshotAsker })
}
