import { clientSide } from './codec.js'
import type { ClientMessage, ReplicaMessage } from './messages.js'
import { Link, type LinkOptions } from '../transport/link.js'

/** What a link to a replica, or a replica's connection to a client, may have unsent. */
export const CLIENT_LIMIT_BYTES = 64 * 1024 * 1024

/** A client's connection to one replica. */
export type ClientLink = Link<'client', ClientMessage, ReplicaMessage>

export interface ClientLinkOptions extends Omit<
  LinkOptions<'client', ClientMessage, ReplicaMessage>,
  'kind' | 'codec' | 'limitBytes'
> {
  /** Default: 64 MiB. */
  readonly limitBytes?: number
}

export function openClientLink(options: ClientLinkOptions): ClientLink {
  return new Link({ limitBytes: CLIENT_LIMIT_BYTES, ...options, kind: 'client', codec: clientSide })
}
