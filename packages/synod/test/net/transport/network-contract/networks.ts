// What the network interface promises holds on the real network and on its simulated doubles.
import { createServer } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeEach, describe } from 'vitest'
import type {
  Address,
  Listener,
  Network,
  OpenSocket,
  Socket,
  SocketClosed,
} from '../../../../src/net/transport/network.js'
import { tcpNetwork } from '../../../../src/net/transport/tcp.js'
import { Descriptors } from '../../../../../testing/src/simulator/hardware/descriptors.js'
import { StepClock } from '../../../../../testing/src/simulator/hardware/clock.js'
import { MemoryNetwork } from '../../../../../testing/src/simulator/hardware/network.js'
import { Process } from '../../../../../testing/src/simulator/hardware/process.js'

interface Bench {
  readonly network: Network
  /** Where this machine may listen. */
  readonly host: string
  /** Lets things happen until something holds; a test that waits for ever fails. */
  until(holds: () => boolean): Promise<void>
  /** The process stands still while this work is done and what it sends arrives. */
  standStill(work: () => void): void
  /** A port at which nothing listens. */
  freePort(): Promise<number>
}

const realBench: Bench = {
  network: tcpNetwork,
  host: '127.0.0.1',
  async until(holds) {
    // After the sockets of this turn have told all.
    while (!holds()) await new Promise((done) => setImmediate(done))
  },
  standStill(work) {
    work()
  },
  async freePort() {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    await new Promise((done) => server.close(done))
    return typeof address === 'object' && address !== null ? address.port : 0
  },
}

function simulatedBench(
  latencyMs: number,
  process = (network: MemoryNetwork): Pick<Process, 'network' | 'pause' | 'resume'> => ({
    network: network.host('a'),
    pause: () => undefined,
    resume: () => undefined,
  }),
): Bench {
  const clock = new StepClock()
  const { network, ...running } = process(new MemoryNetwork(clock, { latencyMs }))
  return {
    network,
    host: 'a',
    async until(holds) {
      for (let steps = 0; !holds(); steps++) {
        if (steps > 10_000) throw new Error(`never: ${holds.toString()}`)
        clock.step(clock.now() + 1)
        await new Promise((done) => setImmediate(done))
      }
    },
    standStill(work) {
      running.pause()
      work()
      const untilMs = clock.now() + 10
      while (clock.step(untilMs));
      running.resume()
    },
    freePort: async () => 1,
  }
}

/** As a simulated replica has it. */
function withinProcess(network: MemoryNetwork): Pick<Process, 'network' | 'pause' | 'resume'> {
  const { clock } = network
  const process = new Process({ clock, network: network.host('a') })
  return {
    network: new Descriptors(1000).network(process.network, clock),
    pause: () => {
      process.pause()
    },
    resume: () => {
      process.resume()
    },
  }
}

const makers: [string, () => Bench][] = [
  ['the real network', () => realBench],
  ['the simulated network', () => simulatedBench(1)],
  ['the simulated network at once', () => simulatedBench(0)],
  ['the simulated network of a process', () => simulatedBench(1, withinProcess)],
]

/** One end of a connection, and what it has been told. */
export class End {
  readonly socket: Socket
  readonly chunks: Uint8Array[] = []
  readonly log: string[] = []
  closed: SocketClosed | undefined
  receivedBytes = 0
  onData: () => void = () => undefined
  #isCalling = true

  constructor(open: OpenSocket) {
    this.socket = open({
      data: (chunk) => {
        this.#told('data')
        this.chunks.push(chunk)
        this.receivedBytes += chunk.length
        this.onData()
      },
      drained: () => {
        this.#told('drained')
      },
      closed: (reason) => {
        this.#told(`closed ${reason}`)
        this.closed = reason
      },
    })
    this.#isCalling = false
  }

  /** What it was told but for data, and how often. */
  get events(): string[] {
    return this.log.filter((event) => event !== 'data')
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString()
  }

  write(bytes: string | Uint8Array): void {
    this.call((socket) => {
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
    })
  }

  /** Writes until this much is unsent: the system takes a lot by itself. */
  fill(unsentBytes: number, pieceBytes: number): number {
    let writtenBytes = 0
    for (; this.socket.unsentBytes < unsentBytes; writtenBytes += pieceBytes)
      this.write(Buffer.alloc(pieceBytes))
    return writtenBytes
  }

  call(work: (socket: Socket) => void): void {
    this.#isCalling = true
    work(this.socket)
    this.#isCalling = false
  }

  #told(event: string): void {
    if (this.#isCalling) throw new Error(`told ${event} from within a call`)
    if (this.closed !== undefined) throw new Error(`told ${event} after the end`)
    this.log.push(event)
  }
}

/** The connections and listeners of one test. */
class NetworkRig {
  readonly listeners: Listener[] = []
  readonly #make: () => Bench
  readonly #ends: End[] = []
  #bench: Bench

  constructor(make: () => Bench) {
    this.#make = make
    this.#bench = make()
  }

  /** Begins the next test with a new network. */
  begin(): void {
    this.#bench = this.#make()
  }

  async end(): Promise<void> {
    const closed = Promise.all(this.listeners.splice(0).map((listener) => listener.close()))
    for (const end of this.#ends) end.socket.destroy()
    await this.happens(closed)
    await this.until(() => this.#ends.every((end) => end.closed !== undefined))
    this.#ends.length = 0
  }

  get network(): Network {
    return this.#bench.network
  }

  get host(): string {
    return this.#bench.host
  }

  until(holds: () => boolean): Promise<void> {
    return this.#bench.until(holds)
  }

  standStill(work: () => void): void {
    this.#bench.standStill(work)
  }

  freePort(): Promise<number> {
    return this.#bench.freePort()
  }

  /** Waits until a promise is settled, while the network works. */
  async happens<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const settle = () => {
      isSettled = true
    }
    promise.then(settle, settle)
    await this.until(() => isSettled)
    return promise
  }

  async listen(onSocket: (open: OpenSocket) => void, port = 0): Promise<Listener> {
    const listener = await this.happens(this.network.listen({ host: this.host, port }, onSocket))
    this.listeners.push(listener)
    return listener
  }

  dial(address: Address): End {
    const end = new End((events) => this.network.connect(address, events))
    this.#ends.push(end)
    return end
  }

  accept(open: OpenSocket): End {
    const end = new End(open)
    this.#ends.push(end)
    return end
  }

  /** An established connection. */
  async connect(): Promise<{ readonly a: End; readonly b: End; readonly listener: Listener }> {
    let accepted: End | undefined
    const listener = await this.listen((open) => {
      accepted = this.accept(open)
      accepted.write('!')
    })
    const a = this.dial(listener.address)
    await this.until(() => a.receivedBytes > 0)
    a.chunks.length = a.receivedBytes = a.log.length = 0
    return { a, b: accepted!, listener }
  }

  /** Waits until the other end has received what one end writes now. */
  async exchanged(from: End, to: End): Promise<void> {
    const beforeBytes = to.receivedBytes
    from.write('.')
    await this.until(() => to.receivedBytes > beforeBytes)
  }

  /** Waits until all that was sent before has had the time to arrive. */
  async delivered(): Promise<void> {
    const { a, b } = await this.connect()
    for (let n = 0; n < 3; n++) {
      await this.exchanged(a, b)
      await this.exchanged(b, a)
    }
  }
}

/** Defines tests for the real network and for each simulated one. */
export function onEachNetwork(defineTests: (rig: NetworkRig) => void): void {
  describe.each(makers)('%s', (_, make) => {
    const rig = new NetworkRig(make)
    beforeEach(() => {
      rig.begin()
    })
    afterEach(() => rig.end())
    defineTests(rig)
  })
}
