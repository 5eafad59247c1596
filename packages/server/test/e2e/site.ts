import { freePorts } from './ports.js'

/** Where replicas run, and under which addresses they find each other. */
export interface Site {
  /**
   * The ids of the first servers, one for each place. A later server takes a place that has become
   * free: its id is higher by their number.
   */
  readonly ids: readonly number[]
  /** Where a server listens for clients. */
  clients(id: number): string
  /** Where a server listens for its peers. */
  peers(id: number): string
  /** The address under which server `from` finds server `to`. */
  address(from: number, to: number): string
  /** What the command line of a server begins with, to have it run there. */
  under(id: number): readonly string[]
  /** A server has been started, and listens. */
  listens(id: number): Promise<void>
  /** All servers have ended. */
  stop(): Promise<void>
}

/** Side by side on this machine. */
export async function sideBySide(count: number): Promise<Site> {
  const port = await freePorts(2 * count)
  const place = (id: number) => (id - 1) % count
  const peers = (id: number) => `127.0.0.1:${port + count + place(id)}`
  return {
    ids: Array.from({ length: count }, (_, index) => index + 1),
    clients: (id) => `127.0.0.1:${port + place(id)}`,
    peers,
    address: (_, to) => peers(to),
    under: () => [],
    listens: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  }
}
