const FIRST_CLIENT_PORT = 2379
const PORT_STEP = 10_000

/** How many replicas on one machine have default addresses: ports end at 65,535. */
export const MAX_DEFAULT_ADDRESSES = 6

/** The default address for clients of each replica of a demo: ports 2379, 22379, 32379, … */
export function defaultClientAddress(index: number): string {
  return localAddress(defaultPort(index))
}

/** The default address for peers, one port further: 2380, 22380, 32380, … */
export function defaultPeerAddress(index: number): string {
  return localAddress(defaultPort(index) + 1)
}

export function localAddress(port: number): string {
  return `127.0.0.1:${port}`
}

function defaultPort(index: number): number {
  return index === 0 ? FIRST_CLIENT_PORT : FIRST_CLIENT_PORT + PORT_STEP * (index + 1)
}
