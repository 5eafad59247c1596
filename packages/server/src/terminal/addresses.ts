const FIRST_CLIENT_PORT = 2379
const PORT_STEP = 10_000

/** Of replicas on one machine, so many have a default address of their own. */
export const MAX_DEFAULT_ADDRESSES = 6

/** Where the replicas of a demo listen for clients, unless told otherwise: ports 2379, 22379, 32379, … */
export function defaultClientAddress(index: number): string {
  return localAddress(defaultPort(index))
}

/** Likewise for peers, one port further: 2380, 22380, 32380, … */
export function defaultPeerAddress(index: number): string {
  return localAddress(defaultPort(index) + 1)
}

export function localAddress(port: number): string {
  return `127.0.0.1:${port}`
}

function defaultPort(index: number): number {
  return index === 0 ? FIRST_CLIENT_PORT : FIRST_CLIENT_PORT + PORT_STEP * (index + 1)
}
