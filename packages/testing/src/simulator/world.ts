import { FORMATS } from 'synod/internal/cluster/versions.js'
import type { AnyMachine } from 'synod/internal/machine/machine.js'
import type { CallOptions } from 'synod/internal/call.js'
import { type Client, type ConnectOptions, connect } from 'synod/internal/client/client.js'
import type { SynodError } from 'synod/internal/errors.js'
import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Mode } from 'synod/internal/paxos/config.js'
import type { Quorums } from 'synod/internal/paxos/quorum.js'
import type { PaddingOptions } from 'synod/internal/journal/padding.js'
import type { SpaceLimits } from 'synod/internal/replica/space-limits.js'
import type { Build, Host } from 'synod/internal/replica/host.js'
import type { ReplicaOptions } from 'synod/internal/replica/options.js'
import { Replica } from 'synod/internal/replica/replica.js'
import type { ReplicaStatus } from 'synod/internal/status.js'
import { Chance } from '../chance.js'
import { LOSE_ALL, MemoryDisk } from './hardware/disk.js'
import type { Random } from './hardware/file.js'
import { MemoryNetwork, type MemoryNetworkOptions } from './hardware/network.js'
import { Process } from './hardware/process.js'
import { Timeline } from './timeline.js'

export const DATA_DIR = '/data'
export const PEER_PORT = 2380
export const CLIENT_PORT = 2379

/** Small, so that blocks are used again all the time. */
const ARCHIVE_BLOCK_BYTES = 512

/** On a small scale, as all else is. */
const SPACE: SpaceLimits = {
  lowBytes: 32 << 10,
  fullBytes: 8 << 10,
  groupsBytes: 16 << 10,
  trimBytes: 2 << 10,
  snapshotBytes: 4 << 10,
  padding: { fromBytes: 300, mostBytes: 1 << 10 },
}

/** A server by its id, or the host of a client by its name. */
export type Site = ServerId | string

/** A machine with its disk, and the replica that runs there. */
export interface Server<M extends AnyMachine> {
  readonly id: ServerId
  disk: MemoryDisk
  /** Of the process that runs, or ran last. */
  process: Process | undefined
  replica: Replica<M> | undefined
  machine: M
  /** What the replica gave up for. */
  fatal: SynodError | undefined
  /** What it told its logger, as `level: message`. */
  readonly log: string[]
  /** How long an fsync takes. */
  syncMs: () => number
  /** It is new to the cluster, and joins it. */
  readonly joins: boolean
  /**
   * How far its idea of the time of day is off, and how fast its clock runs from the next start on.
   */
  skewMs: number
  /** How far it has run away lately, besides. */
  runawayMs: () => number
  rate: number
}

/** What a replica has of the machine that its process runs on. */
export type Edges = Pick<Host, 'clock' | 'disk' | 'network' | 'descriptors'>

export interface WorldOptions<M extends AnyMachine> {
  /** 3 unless given. */
  readonly servers?: number
  /** Majorities unless given. */
  readonly quorums?: Quorums | undefined
  /** That of the mode unless given. */
  readonly window?: number | undefined
  /** How long leases last; there are none unless given. */
  readonly leaseMs?: number | undefined
  readonly mode?: Mode
  readonly seed?: number
  /** Makes the state machine for a server, each time its replica starts. */
  readonly machine: (server: ServerId) => M
  /** For every replica. */
  readonly options?: Partial<ReplicaOptions<M>>
  readonly network?: MemoryNetworkOptions
  /** How long an fsync takes; 1 ms unless given. */
  readonly syncMs?: number
  /** The zeros ahead of what a journal holds: few, and soon, unless given. */
  readonly padding?: PaddingOptions
  /** Stands between the process of a server, each time that it starts, and the machine. */
  readonly between?: (server: ServerId, edges: Edges) => Edges
  /** The build that a server runs from its next start on: this one unless given. */
  readonly build?: ((server: ServerId) => Build) | undefined
  /** A replica has given up. */
  readonly onFatal?: (server: ServerId, error: SynodError) => void
}

/**
 * Whole replicas and clients in one thread, each process on a machine of its own, joined by a
 * network in memory. All that is theirs is the shipped code; only disk, network, clock and chance
 * are simulated. So a seed says all that happens.
 */
export class World<M extends AnyMachine> extends Timeline {
  readonly mode: Mode
  readonly chance: Chance
  readonly network: MemoryNetwork
  readonly servers = new Map<ServerId, Server<M>>()
  readonly #options: WorldOptions<M>
  readonly #processes = new Map<string, Process>()

  constructor(options: WorldOptions<M>) {
    super()
    const { mode = 'leader', network, seed = 1, servers = 3 } = options
    this.#options = options
    this.mode = mode
    this.chance = new Chance(seed)
    this.network = new MemoryNetwork(this.clock, network)
    for (let id = 1; id <= servers; id++) this.#add(id, false)
  }

  // Servers

  /** A machine for a further server, that will join the cluster when it starts. */
  add(id: ServerId): void {
    this.#add(id, true)
  }

  #add(id: ServerId, joins: boolean): void {
    const { machine, syncMs = 1 } = this.#options
    this.servers.set(id, {
      id,
      joins,
      disk: new MemoryDisk(),
      process: undefined,
      replica: undefined,
      machine: machine(id),
      fatal: undefined,
      log: [],
      syncMs: () => syncMs,
      skewMs: 0,
      runawayMs: () => 0,
      rate: 1,
    })
  }

  get ids(): ServerId[] {
    return [...this.servers.keys()]
  }

  /** Whether its process runs, though it may not have opened its replica yet, or have failed. */
  isUp(id: ServerId): boolean {
    return this.server(id).process?.alive === true
  }

  /** Those whose process runs and has not failed. */
  get running(): ServerId[] {
    return this.ids.filter((id) => {
      const { fatal, replica } = this.server(id)
      return this.isUp(id) && replica !== undefined && fatal === undefined
    })
  }

  server(id: ServerId): Server<M> {
    const server = this.servers.get(id)
    if (server === undefined) throw new Error(`there is no s${id}`)
    return server
  }

  replica(id: ServerId): Replica<M> {
    const { replica } = this.server(id)
    if (replica === undefined) throw new Error(`s${id} does not run`)
    return replica
  }

  status(id: ServerId): ReplicaStatus {
    return this.replica(id).status()
  }

  /** Starts a process on a server, and waits until its replica is open. */
  open(id: ServerId, options: Partial<ReplicaOptions<M>> = {}): Promise<Replica<M>> {
    return this.settled(this.begin(id, options))
  }

  async openAll(options: Partial<ReplicaOptions<M>> = {}): Promise<void> {
    await this.settled(Promise.all(this.ids.map((id) => this.begin(id, options))))
  }

  /** Starts a process on a server; it gets on as the clock is moved. */
  async begin(id: ServerId, options: Partial<ReplicaOptions<M>> = {}): Promise<Replica<M>> {
    const server = this.server(id)
    const { host, ...more } = options
    if (this.isUp(id)) throw new Error(`s${id} runs already`)
    this.network.powerOn(hostOf(id))
    const { disk } = server
    const process = this.#start(hostOf(id), {
      disk,
      syncMs: () => server.syncMs(),
      skewMs: () => server.skewMs + server.runawayMs(),
      rate: server.rate,
    })
    server.process = process
    server.replica = undefined
    server.fatal = undefined
    server.machine = this.#options.machine(id)
    const log = (level: string) => (_fields: object, message: string) => {
      server.log.push(`${level}: ${message}`)
    }
    const machine: Edges = {
      clock: process.clock,
      network: process.network,
      disk: process.disk ?? disk,
      descriptors: () => Infinity,
    }
    const open: ReplicaOptions<M> = {
      id,
      cluster: {
        servers: this.#addressesFor(server),
        ...(this.#options.quorums === undefined ? {} : { quorums: this.#options.quorums }),
        ...(this.#options.leaseMs === undefined ? {} : { leaseMs: this.#options.leaseMs }),
      },
      join: server.joins,
      dataDir: DATA_DIR,
      machine: server.machine,
      mode: this.mode,
      clients: clientAddressOf(id),
      logger: { info: log('info'), warn: log('warn'), error: log('error') },
      host: {
        ...(this.#options.between?.(id, machine) ?? machine),
        random: () => this.chance.next(),
        randomBytes: (size) => Buffer.from(Array.from({ length: size }, () => this.chance.below(256))),
        randomId: () => this.chance.below(2 ** 48 - 1) + 1,
        space: { ...SPACE, padding: this.#options.padding ?? SPACE.padding },
        archiveBlockBytes: ARCHIVE_BLOCK_BYTES,
        ...(this.#options.build === undefined ? {} : { build: this.#options.build(id) }),
        ...(this.#options.window === undefined ? {} : { window: this.#options.window }),
        crash: (error) => {
          server.fatal = error
          this.#options.onFatal?.(id, error)
        },
        ...host,
      },
      ...this.#options.options,
      ...more,
    }
    // The types of the machine are checked where the caller has them.
    const replica = await Replica.open<M>(open as never)
    server.replica = replica
    return replica
  }

  /**
   * A server loses its power: its process is gone, and so is what was not synced (all of it, unless
   * given). Its connections are reset, as if it came back at once.
   */
  crash(id: ServerId, random: Random = LOSE_ALL): void {
    this.#kill(hostOf(id))
    this.server(id).disk.crash(random)
  }

  /** Likewise, but the others hear nothing of it until it starts again. */
  powerOff(id: ServerId, random: Random = LOSE_ALL): void {
    this.#processes.get(hostOf(id))?.kill()
    this.network.powerOff(hostOf(id))
    this.server(id).disk.crash(random)
  }

  /** The process of a server is gone; what it wrote is still in the hands of the system. */
  kill(id: ServerId): void {
    this.#kill(hostOf(id))
    this.server(id).disk.restart()
  }

  restart(id: ServerId, options: Partial<ReplicaOptions<M>> = {}): Promise<Replica<M>> {
    return this.open(id, options)
  }

  /** Closes the replica of a server in an orderly way, and ends its process. */
  async close(id: ServerId): Promise<void> {
    await this.settled(this.replica(id).close())
    this.kill(id)
  }

  /** The server gets a new disk. Its process must be gone. */
  emptyDisk(id: ServerId): void {
    this.server(id).disk = new MemoryDisk()
  }

  // Who leads

  /** The server that leads at the highest ballot; undefined if none does. */
  get leader(): ServerId | undefined {
    let leader: ServerId | undefined
    let seq = 0
    for (const id of this.running) {
      const { ballot, role } = this.status(id)
      if (role !== 'leader' || ballot.seq < seq) continue
      leader = id
      seq = ballot.seq
    }
    return leader
  }

  get followers(): ServerId[] {
    const { leader } = this
    return this.running.filter((id) => id !== leader)
  }

  /** Waits until the members have agreed on all that they can work with. */
  async raised(): Promise<void> {
    await this.run(() =>
      this.running.every((id) => this.status(id).versions.agreed.format === FORMATS.newest),
    )
  }

  /**
   * Waits until all that run have formed and agree on a leader (leader mode) or are linked
   * (leaderless).
   */
  async ready(): Promise<void> {
    await this.run(() => {
      const states = this.running.map((id) => this.status(id))
      if (states.some(({ formed }) => !formed)) return false
      if (this.mode === 'leaderless') return true
      const leader = states[0]?.leader ?? null
      return leader !== null && states.every((state) => state.leader === leader)
    })
  }

  // Clients

  /** Connects a client on a host of its own. */
  async connect(name = 'client', options: Partial<ConnectOptions<M>> = {}): Promise<Client<M>> {
    return this.settled(this.beginConnect(name, options))
  }

  /** Resolves when the client is connected. */
  async beginConnect(
    name = 'client',
    { signal, ...options }: Partial<ConnectOptions<M>> & Pick<CallOptions, 'signal'> = {},
  ): Promise<Client<M>> {
    const client = this.newClient(name, options)
    try {
      await client.ready({ signal })
      return client
    } catch (error) {
      await client.close()
      throw error
    }
  }

  /** A client that connects with its first call. */
  newClient(name = 'client', options: Partial<ConnectOptions<M>> = {}): Client<M> {
    const { clock, network } = this.#start(name)
    return connect({
      endpoints: this.ids.map(clientAddressOf),
      host: { clock, network, random: () => this.chance.next() },
      ...options,
    })
  }

  /**
   * A process on a host of its own, for tests that speak with servers by other means. `killClient`
   * ends it.
   */
  startProcess(name: string): Process {
    return this.#start(name)
  }

  /** The process of a client is gone. */
  killClient(name: string): void {
    this.#kill(name)
  }

  // The network

  /** From now on nothing passes between the two. Their connections hang. */
  partition(a: Site, b: Site): void {
    this.network.cut(hostOf(a), hostOf(b))
  }

  /** Undoes one partition of the two. Bytes that wait go on. */
  reunite(a: Site, b: Site): void {
    this.network.heal(hostOf(a), hostOf(b))
  }

  /** Resets all connections between the two. */
  breakConnections(a: Site, b: Site): void {
    this.network.breakConnections(hostOf(a), hostOf(b))
  }

  override describe(): string {
    const lines = this.ids.map((id) => {
      const { fatal, replica } = this.server(id)
      if (fatal !== undefined) return `s${id}: failed, ${fatal.code}: ${fatal.message}`
      if (!this.isUp(id) || replica === undefined) return `s${id}: down`
      const { ballot, watermarks, formed, leader, role, voting, waiting } = replica.status()
      return `s${id}: ${JSON.stringify({ role, leader, formed, voting, ballot, watermarks, waiting })}`
    })
    return [super.describe(), ...lines].join('\n')
  }

  #start(host: string, around: Partial<ConstructorParameters<typeof Process>[0]> = {}): Process {
    const process = new Process({ clock: this.clock, network: this.network.host(host), ...around })
    this.#processes.set(host, process)
    return process
  }

  #kill(host: string): void {
    this.#processes.get(host)?.kill()
    this.network.kill(host)
  }

  /** Of the founders; of all servers for one that joins, as the founders may be gone by then. */
  #addressesFor(server: Pick<Server<M>, 'joins'>): Record<ServerId, string> {
    const known = [...this.servers.values()].filter(({ joins }) => server.joins || !joins)
    return Object.fromEntries(known.map(({ id }) => [id, peerAddressOf(id)]))
  }
}

/** Where a server listens for the others. */
export function peerAddressOf(id: ServerId): string {
  return `${hostOf(id)}:${PEER_PORT}`
}

/** Where a server listens for clients. */
export function clientAddressOf(id: ServerId): string {
  return `${hostOf(id)}:${CLIENT_PORT}`
}

export function hostOf(place: Site): string {
  return typeof place === 'number' ? `s${place}` : place
}
