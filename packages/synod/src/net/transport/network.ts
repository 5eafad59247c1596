import { SynodError } from '../../errors.js'
import { shown } from '../../options.js'

/** Where a server listens. `host` is a name or an IP address, without brackets. */
export interface Address {
  readonly host: string
  readonly port: number
}

/**
 * Reads `host:port`, such as `127.0.0.1:2380`, `db1.example.com:2380` or `[::1]:2380`. Port 0, any
 * free port, makes sense for listening only.
 *
 * @throws SynodError `invalid-options` if the text is not an address.
 */
export function parseAddress(text: string): Address {
  const match =
    typeof text !== 'string' ? null : /^(?:\[([^[\]]+)\]|([^:[\]\s\ufffd]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port > 65535) {
    throw new SynodError(
      'invalid-options',
      `an address must be text such as 127.0.0.1:2380 or [::1]:2380, not ${shown(text)}`,
    )
  }
  return { host, port }
}

/** The text that `parseAddress` reads. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Why a socket is over. */
export type SocketClosed =
  /** The other machine answered that nothing listens at that address. */
  | 'refused'
  /** The other side, or the way to it, broke off. */
  | 'reset'
  /** The other side ended it. */
  | 'ended'
  /** No answer in time. */
  | 'timeout'
  /** There is no such host, or no way to it. */
  | 'unreachable'
  /** This side closed it. */
  | 'closed'
  /** Anything else. */
  | 'failed'

/** What a socket tells its owner; never from within a call that the owner makes. */
export interface SocketEvents {
  /** The next bytes received. They belong to the receiver, which may keep views into them. */
  data(chunk: Uint8Array): void
  /**
   * `unsentBytes` is back at 0 after it was `DRAIN_MARK_BYTES` or more. Never after the owner has
   * closed the socket.
   */
  drained(): void
  /**
   * The socket is gone. Called exactly once, and last. The reason is `closed` if the owner closed
   * the socket first.
   */
  closed(reason: SocketClosed): void
}

/** For a socket that has no owner, or none yet. */
export const NO_OWNER: SocketEvents = {
  data: () => undefined,
  drained: () => undefined,
  closed: () => undefined,
}

/** After this many unsent bytes, a socket tells when they are gone. */
export const DRAIN_MARK_BYTES = 64 * 1024

/** An ordered, reliable stream of bytes in both directions. */
export interface Socket {
  /** The other side's address, for messages to people. */
  readonly remote: string
  /** Bytes that were written, but not yet handed to the kernel. */
  readonly unsentBytes: number
  /**
   * Queues bytes; also before the connection stands. They must not change while `unsentBytes` is
   * above 0. Ignored once the socket is closed.
   */
  write(bytes: Uint8Array): void
  /**
   * Receives nothing more until `resume`. Meanwhile `ended` is told only if no bytes come before
   * it; `reset` may be told at any time, and bytes not received are then lost. Ignored once the
   * socket is closed.
   */
  pause(): void
  resume(): void
  /** Ends the connection after what was written. What still arrives is thrown away. */
  close(): void
  /**
   * Ends the connection now. The other side receives the bytes that have left, and is told `ended`;
   * or `reset`, if this side had bytes unread or the other side goes on writing.
   */
  destroy(): void
}

/** Takes a socket into use: from now on it tells `events`. */
export type OpenSocket = (events: SocketEvents) => Socket

export interface Listener {
  /** The address, with the real port if 0 was asked for. */
  readonly address: Address
  /**
   * Accepts no more. Does not touch the accepted sockets, and resolves once all of them have told
   * that they are closed.
   */
  close(): Promise<void>
}

/** Connections between machines, given from outside so that a simulation can stand in for them. */
export interface Network {
  /** Dials. A dial that fails is told by `closed`. */
  connect(address: Address, events: SocketEvents): Socket
  /**
   * Calls `onSocket` for each connection that arrives; it must open the socket before it returns.
   * Rejects with SynodError `invalid-options` if it cannot listen at `address`.
   */
  listen(address: Address, onSocket: (open: OpenSocket) => void): Promise<Listener>
}
