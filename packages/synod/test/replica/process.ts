import type { Clock } from '../../src/clock.js'
import type { Disk, DiskFile } from '../../src/journal/disk.js'
import type { Address, Network, OpenSocket, Socket, SocketEvents } from '../../src/net/network.js'

/** What a process has of the world. */
export interface Surroundings {
  readonly clock: Clock
  /** The network as its host sees it. */
  readonly network: Network
  readonly disk?: Disk | undefined
  /** How long the next fsync takes. */
  readonly sync_ms?: () => number
  /** How far the machine's idea of the time is off. */
  readonly skew_ms?: () => number
}

interface Connection {
  /** The host at the other end. */
  readonly other: string
  socket: Socket
  broken: boolean
}

/**
 * A process of the simulated world. Until it is killed it uses the clock, network and disk around it;
 * afterwards no timer fires for it, nothing arrives, and nothing that it began on the disk ever ends.
 */
export class Process {
  readonly clock: Clock
  readonly network: Network
  readonly disk: Disk | undefined
  alive = true
  readonly #around: Surroundings
  readonly #connections = new Set<Connection>()

  constructor(around: Surroundings) {
    this.#around = around
    this.clock = this.#guardedClock()
    this.network = this.#guardedNetwork()
    this.disk = around.disk && this.#guardedDisk(around.disk)
  }

  kill(): void {
    this.alive = false
    this.#connections.clear()
  }

  /** The connections with this host are reset, as seen from here. */
  breakConnections(host: string): void {
    for (const connection of this.#connections) {
      if (connection.other !== host) continue
      connection.broken = true
      connection.socket.destroy()
    }
  }

  #guardedClock(): Clock {
    const { clock, skew_ms = () => 0 } = this.#around
    const whileAlive = (run: () => void) => () => {
      if (this.alive) run()
    }
    return {
      now: () => clock.now(),
      wallTime: () => clock.wallTime() + skew_ms(),
      timer: (delay_ms, run) => clock.timer(delay_ms, whileAlive(run)),
      next: (run) => clock.next(whileAlive(run)),
      soon: (run) => clock.soon(whileAlive(run)),
    }
  }

  #guardedNetwork(): Network {
    const { network } = this.#around
    return {
      connect: (address: Address, events) =>
        this.#connection(address.host, events, (guarded) => network.connect(address, guarded)),
      listen: (address, onSocket) =>
        this.#whileAlive(() =>
          network.listen(address, (open: OpenSocket) => {
            if (this.alive) onSocket((events) => this.#connection(undefined, events, open))
          }),
        ),
    }
  }

  #connection(host: string | undefined, events: SocketEvents, open: OpenSocket): Socket {
    const state = { broken: false }
    const socket = open({
      data: (chunk) => {
        if (this.alive) events.data(chunk)
      },
      drained: () => {
        if (this.alive) events.drained()
      },
      closed: (reason) => {
        this.#connections.delete(connection)
        if (this.alive) events.closed(connection.broken ? 'reset' : reason)
      },
    })
    const other = host ?? socket.remote.slice(0, socket.remote.lastIndexOf(':'))
    const connection: Connection = Object.assign(state, { other, socket })
    this.#connections.add(connection)
    return socket
  }

  #guardedDisk(disk: Disk): Disk {
    return {
      makeDirectory: (path) => this.#whileAlive(() => disk.makeDirectory(path)),
      list: (directory) => this.#whileAlive(() => disk.list(directory)),
      read: (path) => this.#whileAlive(() => disk.read(path)),
      open: (path, mode) => this.#whileAlive(async () => this.#guardedFile(await disk.open(path, mode))),
      rename: (from, to) => this.#whileAlive(() => disk.rename(from, to)),
      remove: (path) => this.#whileAlive(() => disk.remove(path)),
      syncDirectory: (path) => this.#whileAlive(() => disk.syncDirectory(path)),
      lock: (directory) =>
        this.#whileAlive(async () => {
          const release = await disk.lock(directory)
          return () => this.#whileAlive(release)
        }),
    }
  }

  #guardedFile(file: DiskFile): DiskFile {
    return {
      write: (bytes, position) => this.#whileAlive(() => file.write(bytes, position)),
      sync: () =>
        this.#whileAlive(async () => {
          const { sync_ms = () => 0 } = this.#around
          await this.#sleep(sync_ms())
          await file.sync()
        }),
      truncate: (size_bytes) => this.#whileAlive(() => file.truncate(size_bytes)),
      close: () => this.#whileAlive(() => file.close()),
    }
  }

  #sleep(duration_ms: number): Promise<void> | undefined {
    if (duration_ms <= 0) return undefined
    return new Promise((done) => this.clock.timer(duration_ms, done))
  }

  /** A process that is gone asks for nothing, and hears of nothing that it has asked for. */
  #whileAlive<T>(work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!this.alive) return
      work().then(
        (value) => {
          if (this.alive) resolve(value)
        },
        (error: unknown) => {
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
          if (this.alive) reject(error)
        },
      )
    })
  }
}
