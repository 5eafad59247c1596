import type { OpenSocket, Socket, SocketClosed } from 'synod/internal/net/transport/network.js'
import { StepClock } from '../../src/simulator/hardware/clock.js'
import { MemoryNetwork, type MemoryNetworkOptions } from '../../src/simulator/hardware/network.js'

const PORT = 2380

/** One end of a connection, and what it has been told. */
export class End {
  readonly socket: Socket
  readonly chunks: Uint8Array[] = []
  readonly closed: SocketClosed[] = []
  drains = 0

  constructor(open: OpenSocket) {
    this.socket = open({
      data: (chunk) => this.chunks.push(chunk),
      drained: () => this.drains++,
      closed: (reason) => this.closed.push(reason),
    })
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString()
  }

  write(text: string): void {
    this.socket.write(Buffer.from(text))
  }
}

/** A network and its clock, moved by hand. */
export class Rig {
  readonly clock = new StepClock()
  readonly network: MemoryNetwork

  constructor(options?: MemoryNetworkOptions) {
    this.network = new MemoryNetwork(this.clock, options)
  }

  advance(durationMs = 1000): void {
    const endMs = this.clock.now() + durationMs
    while (this.clock.step(endMs));
  }

  /** The ends of the connections that this host will accept. */
  listen(host: string): End[] {
    const accepted: End[] = []
    void this.network.host(host).listen({ host, port: PORT }, (open) => accepted.push(new End(open)))
    return accepted
  }

  dial(from: string, to: string): End {
    return new End((events) => this.network.host(from).connect({ host: to, port: PORT }, events))
  }

  /** A connection from a to b that stands. */
  connect(): { readonly a: End; readonly b: End } {
    const accepted = this.listen('b')
    const a = this.dial('a', 'b')
    this.advance()
    return { a, b: accepted[0]! }
  }
}
