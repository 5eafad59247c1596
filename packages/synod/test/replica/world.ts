import { type Client, type ConnectOptions, connect } from '../../src/client/client.js'
import type { SynodError } from '../../src/errors.js'
import { checkBars } from '../../src/paxos/invariants.js'
import type { ServerId } from '../../src/paxos/ballot.js'
import type { Mode } from '../../src/paxos/config.js'
import type { ReplicaOptions } from '../../src/replica/options.js'
import { Replica } from '../../src/replica/replica.js'
import type { ReplicaStatus } from '../../src/status.js'
import { LOSE, MemoryDisk } from '../../src/testing/simulator/disk.js'
import { MemoryNetwork } from '../../src/testing/simulator/network.js'
import { type Note, Notes } from './notes.js'
import type { Random } from '../../src/testing/simulator/file.js'
import { Process } from '../../src/testing/simulator/process.js'
import { StepClock } from '../../src/testing/simulator/clock.js'

export type NotesReplica = Replica<string, number, number, readonly string[]>
export type NotesClient = Client<string, number, number, readonly string[]>
export type Options = Partial<ReplicaOptions<string, number, number, readonly string[]>>

export const DATA_DIR = '/data'
const PEER_PORT = 2380
const CLIENT_PORT = 2379

/** A server by its id, or the host of a client by its name. */
export type Place = ServerId | string

/** A machine with its disk, and the replica that runs there. */
export interface Server {
  readonly id: ServerId
  disk: MemoryDisk
  /** Of the process that runs, or ran last. */
  process: Process | undefined
  replica: NotesReplica | undefined
  machine: Notes
  /** What the replica gave up for. */
  fatal: SynodError | undefined
  /** What it told its logger, as `level: message`. */
  readonly log: string[]
  sync_ms: () => number
  skew_ms: number
}

export interface WorldOptions {
  readonly servers?: number
  readonly mode?: Mode
  readonly seed?: number
  /** For every replica. */
  readonly options?: Options
  /** How long an fsync takes; 1 ms unless given. */
  readonly sync_ms?: number
}

/**
 * Whole replicas and clients in one thread, each process on a machine of its own, joined by a network in
 * memory. Nothing happens but at the word of a clock that a test moves by `run`, `wait` and `settled`, one
 * timer at a time; what promises have to do is done after each of them. So a seed says all that happens.
 */
export class World {
  readonly clock = new StepClock()
  readonly network = new MemoryNetwork(this.clock)
  readonly mode: Mode
  readonly random: Random
  readonly servers = new Map<ServerId, Server>()
  readonly #options: Options
  readonly #processes = new Map<string, Process>()
  readonly #cuts = new Set<readonly [string, string]>()
  /** What was executed in each slot, by whoever came first. */
  readonly #executed = new Map<number, Note>()
  #violation: Error | undefined
  #running = false

  constructor({ servers = 3, mode = 'leader', seed = 1, options = {}, sync_ms = 1 }: WorldOptions = {}) {
    this.mode = mode
    this.random = seededRandom(seed)
    this.#options = options
    for (let id = 1; id <= servers; id++) {
      this.servers.set(id, {
        id,
        disk: new MemoryDisk(),
        process: undefined,
        replica: undefined,
        machine: new Notes(),
        fatal: undefined,
        log: [],
        sync_ms: () => sync_ms,
        skew_ms: 0,
      })
    }
  }

  /** A cluster that has formed, with a leader that all know in leader mode. */
  static async formed(options?: WorldOptions): Promise<World> {
    const world = new World(options)
    await world.openAll()
    await world.ready()
    return world
  }

  // Servers

  get ids(): ServerId[] {
    return [...this.servers.keys()]
  }

  /** Those whose process runs and has not failed. */
  get running(): ServerId[] {
    return this.ids.filter((id) => {
      const { fatal, process, replica } = this.server(id)
      return process?.alive === true && replica !== undefined && fatal === undefined
    })
  }

  server(id: ServerId): Server {
    const server = this.servers.get(id)
    if (server === undefined) throw new Error(`there is no s${id}`)
    return server
  }

  replica(id: ServerId): NotesReplica {
    const { replica } = this.server(id)
    if (replica === undefined) throw new Error(`s${id} does not run`)
    return replica
  }

  status(id: ServerId): ReplicaStatus {
    return this.replica(id).status()
  }

  /** What the state machine of a server has executed. */
  texts(id: ServerId): string[] {
    return this.server(id).machine.texts
  }

  /** Starts a process on a server, and waits until its replica is open. */
  open(id: ServerId, options: Options = {}): Promise<NotesReplica> {
    return this.settled(this.begin(id, options))
  }

  async openAll(options: Options = {}): Promise<void> {
    await this.settled(Promise.all(this.ids.map((id) => this.begin(id, options))))
  }

  /** Starts a process on a server; it gets on as the clock is moved. */
  async begin(id: ServerId, options: Options = {}): Promise<NotesReplica> {
    const server = this.server(id)
    if (server.process?.alive === true) throw new Error(`s${id} runs already`)
    const process = this.#start(hostOf(id), server)
    server.process = process
    server.replica = undefined
    server.fatal = undefined
    server.machine = new Notes((note) => this.#note(id, note))
    const log = (level: string) => (_fields: object, message: string) => {
      server.log.push(`${level}: ${message}`)
    }
    const replica = await Replica.open({
      id,
      cluster: { servers: this.#addresses() },
      dataDir: DATA_DIR,
      machine: server.machine,
      mode: this.mode,
      clients: `${hostOf(id)}:${CLIENT_PORT}`,
      logger: { info: log('info'), warn: log('warn'), error: log('error') },
      onFatal: (error) => {
        server.fatal = error
      },
      host: {
        clock: process.clock,
        network: process.network,
        disk: process.disk!,
        random: this.random,
        randomBytes: (size) => Buffer.from(Array.from({ length: size }, () => this.#randomBelow(256))),
        randomId: () => this.#randomBelow(2 ** 48 - 1) + 1,
      },
      ...this.#options,
      ...options,
    })
    server.replica = replica
    return replica
  }

  /** The power of a server fails: its process is gone, and so is what was not synced (all of it, unless given). */
  crash(id: ServerId, random: Random = LOSE): void {
    this.#kill(hostOf(id))
    this.server(id).disk.crash(random)
  }

  /** The process of a server is gone; what it wrote is still in the hands of the system. */
  kill(id: ServerId): void {
    this.#kill(hostOf(id))
    this.server(id).disk.restart()
  }

  restart(id: ServerId, options: Options = {}): Promise<NotesReplica> {
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

  /** Waits until all that run have formed and agree on a leader (leader mode) or are linked (leaderless). */
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
  async connect(
    name = 'client',
    options: Partial<ConnectOptions<string, number, number, readonly string[]>> = {},
  ): Promise<NotesClient> {
    return this.settled(this.beginConnect(name, options))
  }

  beginConnect(
    name = 'client',
    options: Partial<ConnectOptions<string, number, number, readonly string[]>> = {},
  ): Promise<NotesClient> {
    const { clock, network } = this.#start(name)
    return connect({
      endpoints: this.ids.map((id) => `${hostOf(id)}:${CLIENT_PORT}`),
      host: { clock, network, random: this.random },
      ...options,
    })
  }

  /** The process of a client is gone. */
  killClient(name: string): void {
    this.#kill(name)
  }

  // The network

  /** From now on nothing passes between the two. Their connections hang. */
  partition(a: Place, b: Place): void {
    if (this.network.isCut(hostOf(a), hostOf(b))) return
    this.network.cut(hostOf(a), hostOf(b))
    this.#cuts.add([hostOf(a), hostOf(b)])
  }

  /** From now on nothing passes between this server and any other one. */
  isolate(id: ServerId): void {
    for (const other of this.ids) if (other !== id) this.partition(id, other)
  }

  /** Ends all partitions. What hung is reset, as bytes have been lost on the way. */
  heal(): void {
    for (const [a, b] of this.#cuts) {
      this.network.heal(a, b)
      this.breakConnections(a, b)
    }
    this.#cuts.clear()
  }

  /** Resets all connections between the two. */
  breakConnections(a: Place, b: Place): void {
    this.#processes.get(hostOf(a))?.breakConnections(hostOf(b))
    this.#processes.get(hostOf(b))?.breakConnections(hostOf(a))
  }

  // Time

  /** Moves the clock until something holds. Throws if it does not within `limit_ms`. */
  async run(until: () => boolean, limit_ms = 60_000): Promise<void> {
    const end_ms = this.clock.now() + limit_ms
    if (!(await this.#move(end_ms, until))) {
      throw new Error(`not within ${limit_ms} ms: ${until.toString()}\n${this.describe()}`)
    }
  }

  async wait(duration_ms: number): Promise<void> {
    await this.#move(this.clock.now() + duration_ms, () => false)
  }

  /** Moves the clock until a promise is settled, and gives it back. */
  async settled<T>(promise: Promise<T>, limit_ms?: number): Promise<T> {
    let over = false
    promise.then(
      () => (over = true),
      () => (over = true),
    )
    await this.run(() => over, limit_ms)
    return promise
  }

  /** Moves the clock until a promise is rejected, and gives back the error. */
  async failure(promise: Promise<unknown>, limit_ms?: number): Promise<SynodError> {
    const error = promise.then(
      (value) => {
        throw new Error(`no failure, but ${JSON.stringify(value)}`)
      },
      (error: unknown) => error as SynodError,
    )
    return this.settled(error, limit_ms)
  }

  // What must hold

  /** Replicas with the same executed bar have executed the same, and bars are in order. */
  checkAgreement(): void {
    const digests = new Map<number, number>()
    for (const id of this.running) {
      const { bars, digest } = this.status(id)
      checkBars(bars)
      const other = digests.get(bars.executed) ?? digest
      if (other !== digest) throw new Error(`digests differ at slot ${bars.executed}\n${this.describe()}`)
      digests.set(bars.executed, digest)
    }
  }

  /** Waits until all that run have executed the same, and checks that. */
  async converged(): Promise<void> {
    await this.run(() => new Set(this.running.map((id) => this.status(id).bars.executed)).size <= 1)
    this.checkAgreement()
  }

  describe(): string {
    const lines = this.ids.map((id) => {
      const { fatal, process, replica } = this.server(id)
      if (fatal !== undefined) return `s${id}: failed, ${fatal.code}: ${fatal.message}`
      if (process?.alive !== true || replica === undefined) return `s${id}: down`
      const { ballot, bars, formed, leader, role, waiting } = replica.status()
      return `s${id}: ${JSON.stringify({ role, leader, formed, ballot, bars, waiting })}`
    })
    return [`at ${this.clock.now()} ms`, ...lines].join('\n')
  }

  async #move(end_ms: number, until: () => boolean): Promise<boolean> {
    if (this.#running) throw new Error('the clock is being moved already')
    this.#running = true
    try {
      for (;;) {
        await promisesDone()
        if (this.#violation !== undefined) throw this.#violation
        if (until()) return true
        if (!this.clock.step(end_ms)) return false
      }
    } finally {
      this.#running = false
    }
  }

  #note(id: ServerId, note: Note): void {
    const before = this.#executed.get(note.slot)
    if (before === undefined) this.#executed.set(note.slot, note)
    else if (before.text !== note.text || before.time_ms !== note.time_ms) {
      const what = `${JSON.stringify(note)} where another had executed ${JSON.stringify(before)}`
      this.#violation ??= new Error(`s${id} has executed ${what}`)
    }
  }

  #start(host: string, server?: Server): Process {
    const process = new Process({
      clock: this.clock,
      network: this.network.host(host),
      disk: server?.disk,
      sync_ms: () => server?.sync_ms() ?? 0,
      skew_ms: () => server?.skew_ms ?? 0,
    })
    this.#processes.set(host, process)
    return process
  }

  #kill(host: string): void {
    this.#processes.get(host)?.kill()
    this.network.kill(host)
  }

  #addresses(): Record<ServerId, string> {
    return Object.fromEntries(this.ids.map((id) => [id, `${hostOf(id)}:${PEER_PORT}`]))
  }

  #randomBelow(limit: number): number {
    return Math.floor(this.random() * limit)
  }
}

function hostOf(place: Place): string {
  return typeof place === 'number' ? `s${place}` : place
}

/** Nothing here waits for anything but promises and the clock, so all promises are done after one turn. */
function promisesDone(): Promise<void> {
  return new Promise((done) => setImmediate(done))
}

/** Numbers from 0 up to, not including, 1; the same ones for the same seed. (Mulberry32, by Tommy Ettinger.) */
export function seededRandom(seed: number): Random {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
