import type { Ballot, ServerId, Slot } from '../../src/paxos/ballot.js'
import { DEFAULT_WINDOW, PAXOS_DEFAULTS, type Mode, type PaxosConfig } from '../../src/paxos/config.js'
import type { Envelope, Output } from '../../src/paxos/effects.js'
import { History, checkBars } from '../../src/paxos/invariants.js'
import type { Message, MessageType } from '../../src/paxos/messages.js'
import { Paxos, type Input } from '../../src/paxos/paxos.js'
import { random, randomBetween, type RandomState } from '../../src/paxos/random.js'
import type { JournalRecord } from '../../src/paxos/records.js'
import { isNoOp, type Value } from '../../src/paxos/value.js'

/** How often things happen, of all events; `loss` and `duplicate` of all deliveries, `hurry` too. */
export interface Faults {
  readonly loss: number
  readonly duplicate: number
  /** Messages of these types are lost more often than not. */
  readonly lossy: readonly MessageType[]
  /** Of the events that fall on a server that is up, and on one that is down. */
  readonly crash: number
  readonly restart: number
  readonly sync: number
  readonly tick: number
  /** Of the ticks: nothing else happens for long. */
  readonly stall: number
  /** A link is cut, or all are healed. */
  readonly cut: number
  /** The message delivered is one of the youngest. */
  readonly hurry: number
  /** A message of before, delivered or lost, comes once more. */
  readonly echo: number
  /** A server whose disk is twenty times slower. */
  readonly slowDisk: ServerId
}

export const MILD_FAULTS: Faults = {
  loss: 0.05,
  duplicate: 0.1,
  lossy: [],
  crash: 0.003,
  restart: 0.01,
  sync: 0.15,
  tick: 0.07,
  stall: 0,
  cut: 0,
  hurry: 0.5,
  echo: 0.02,
  slowDisk: 0,
}

/** What a cluster can do without for a while, though it shows. */
const LOSSY: readonly MessageType[] = ['accepted', 'chosen', 'decided', 'fetch', 'heartbeat', 'nack']

/** Faults of another kind for each seed. */
export function drawFaults(state: RandomState, servers: readonly ServerId[]): Faults {
  const upTo = (most: number) => random(state) * most
  return {
    loss: upTo(0.1),
    duplicate: upTo(0.25),
    lossy: random(state) < 0.5 ? LOSSY.filter(() => random(state) < 0.4) : [],
    crash: upTo(0.03),
    restart: 0.03 + upTo(0.2),
    sync: 0.05 + upTo(0.3),
    tick: 0.02 + upTo(0.06),
    stall: upTo(0.3),
    cut: upTo(0.01),
    hurry: upTo(0.9),
    echo: upTo(0.3),
    slowDisk: servers[Math.floor(upTo(2 * servers.length))] ?? 0,
  }
}

/** The most messages under way when faults are drawn at random. */
const MAX_UNDER_WAY = 300

/** Within this time a request sets out that has the cluster to itself: servers give each other a head start. */
export const HEAD_START_MS = 40

/** A message on its way. */
export interface Transit {
  readonly from: ServerId
  readonly to: ServerId
  readonly message: Message
}

interface Server {
  readonly config: PaxosConfig
  paxos: Paxos
  up: boolean
  /** Every record since the beginning; those from `durable` on would not survive a crash. */
  journal: JournalRecord[]
  durable: number
  /** Where the positions of this life of the server start in the journal. */
  start: number
  held: { readonly position: number; readonly envelope: Envelope }[]
  deadline_ms: number
  /** The chosen bar as far as the history has been told. */
  told: Slot
  readonly readable: Map<number, Slot>
}

export interface ClusterOptions {
  readonly servers?: number
  readonly mode?: Mode
  readonly seed?: number
  readonly config?: Partial<PaxosConfig>
  /** Servers that may have forgotten promises or votes. */
  readonly nonVoting?: readonly ServerId[]
}

/** A message on its way, of a known type. */
export interface TransitOf<T extends MessageType> extends Transit {
  readonly message: Extract<Message, { type: T }>
}

/**
 * Servers of the pure core, joined by a network, disks and a clock that a test moves by hand or by chance.
 * Every step is checked against the invariants.
 */
export class Cluster {
  now_ms = 0
  network: Transit[] = []
  readonly servers = new Map<ServerId, Server>()
  readonly history: History
  readonly random: RandomState
  /** Messages between these servers, in this direction, are lost: "1>2". */
  readonly cut = new Set<string>()
  /** How many messages of each type have left their sender. */
  readonly sent = new Map<MessageType, number>()
  readonly #delivered: Transit[] = []
  readonly #due = new WeakMap<Transit, number>()
  #nextId = 1

  constructor(options: ClusterOptions = {}) {
    const { servers = 3, mode = 'leader', seed = 1, config = {}, nonVoting = [] } = options
    const ids = Array.from({ length: servers }, (_, index) => index + 1)
    this.random = { seed }
    this.history = new History(ids)
    for (const self of ids) {
      const full: PaxosConfig = {
        ...PAXOS_DEFAULTS,
        window: DEFAULT_WINDOW[mode],
        self,
        servers: ids,
        mode,
        voting: !nonVoting.includes(self),
        ...config,
      }
      this.servers.set(self, {
        config: full,
        paxos: Paxos.recover(full, [], this.#seed(), 0),
        up: true,
        journal: [],
        durable: 0,
        start: 0,
        held: [],
        deadline_ms: 0,
        told: 0,
        readable: new Map(),
      })
    }
  }

  get ids(): ServerId[] {
    return [...this.servers.keys()]
  }

  others(id: ServerId): ServerId[] {
    return this.ids.filter((other) => other !== id)
  }

  server(id: ServerId): Server {
    const server = this.servers.get(id)
    if (server === undefined) throw new Error(`no server ${id}`)
    return server
  }

  paxos(id: ServerId): Paxos {
    return this.server(id).paxos
  }

  /** Takes a step on a server: records go to its journal, messages to the network or on hold. */
  step(id: ServerId, input: Input): Output | undefined {
    const server = this.server(id)
    if (!server.up) return undefined
    const output = server.paxos.step(input, this.now_ms)
    server.journal.push(...output.records)
    for (const envelope of output.messages) {
      if (envelope.afterDurable && server.start + output.position > server.durable) {
        server.held.push({ position: output.position, envelope })
      } else {
        this.#post(id, envelope)
      }
    }
    for (const read of output.reads) server.readable.set(read.id, read.slot)
    server.deadline_ms = output.deadline_ms
    this.#check(id, input, output)
    for (; server.told < server.paxos.chosen; server.told++) {
      this.history.chosen(id, server.told + 1, this.value(id, server.told + 1))
    }
    return output
  }

  /** What holds after every step of every server. */
  #check(id: ServerId, input: Input, output: Output): void {
    const { paxos } = this.server(id)
    const { chosen, voted } = paxos.status()
    checkBars({ snapshotted: 0, executed: chosen, chosen, voted })
    if (input.type === 'tick' && output.deadline_ms <= this.now_ms)
      throw new Error(
        `s${id} wants a tick at ${output.deadline_ms} when it has just had one at ${this.now_ms}`,
      )
    for (const record of output.records) {
      if (record.type === 'promise' || record.type === 'vote') continue
      const last = record.type === 'chosen' ? record.last : record.first + record.values.length - 1
      for (let slot = record.first; slot <= last; slot++) this.history.chosen(id, slot, this.value(id, slot))
    }
  }

  value(id: ServerId, slot: Slot): Value {
    const value = this.paxos(id).log.chosen(slot)
    if (value === undefined) throw new Error(`slot ${slot} is not chosen on s${id}`)
    return value
  }

  /** The values of the chosen prefix. */
  prefix(id: ServerId): Value[] {
    return Array.from({ length: this.paxos(id).chosen }, (_, index) => this.value(id, index + 1))
  }

  propose(id: ServerId, ...texts: string[]): number[] {
    const proposals = texts.map((text) => ({ id: this.#nextId++, value: value(text) }))
    this.step(id, { type: 'propose', proposals })
    return proposals.map((proposal) => proposal.id)
  }

  /** A linearizable read on this server. Returns its id; `readable` tells the slot once it is known. */
  read(id: ServerId): number {
    const read = this.#nextId++
    this.step(id, { type: 'read', id: read })
    return read
  }

  readable(id: ServerId, read: number): Slot | undefined {
    return this.server(id).readable.get(read)
  }

  /** Proposes in leaderless mode, and gives this server alone the time that it waits before it goes ahead. */
  setOut(id: ServerId, ...texts: string[]): number[] {
    const ids = this.propose(id, ...texts)
    const server = this.server(id)
    const end_ms = this.now_ms + HEAD_START_MS
    while (server.deadline_ms <= end_ms) {
      this.now_ms = Math.max(this.now_ms, server.deadline_ms)
      this.step(id, { type: 'tick' })
    }
    this.now_ms = end_ms
    return ids
  }

  /** Everything that the server has written becomes durable, or the first `count` of what is not. */
  sync(id: ServerId, count = Infinity): void {
    const server = this.server(id)
    const upTo = Math.min(server.durable + count, server.journal.length)
    if (!server.up || upTo === server.durable) return
    for (const record of server.journal.slice(server.durable, upTo)) this.history.durable(id, record)
    server.durable = upTo
    const position = upTo - server.start
    const { held } = server
    server.held = []
    for (const entry of held) {
      if (entry.position <= position) this.#post(id, entry.envelope)
      else server.held.push(entry)
    }
    this.step(id, { type: 'durable', position })
  }

  /** The process ends; what was not durable is lost. */
  crash(id: ServerId): void {
    const server = this.server(id)
    server.up = false
    server.journal.length = server.durable
    server.held = []
  }

  /** The process ends, and the others see its connections break. */
  kill(id: ServerId): void {
    this.crash(id)
    for (const other of this.others(id)) this.step(other, { type: 'peer-gone', peer: id })
  }

  restart(id: ServerId): void {
    const server = this.server(id)
    server.up = true
    server.start = server.journal.length
    server.paxos = Paxos.recover(server.config, server.journal, this.#seed(), this.now_ms)
    server.deadline_ms = this.now_ms
    server.told = 0
  }

  /** Delivers the message at this place of the network, and takes it off unless it is to be duplicated. */
  deliver(index: number, duplicate = false): void {
    const transit = this.network[index]
    if (transit === undefined) return
    if (!duplicate) this.network.splice(index, 1)
    const { from, to, message } = transit
    if (!this.cut.has(`${from}>${to}`)) this.step(to, { type: 'message', from, message })
  }

  /** The messages of this type under way. */
  underWay<T extends MessageType>(type: T): TransitOf<T>[] {
    return this.network.filter((transit): transit is TransitOf<T> => transit.message.type === type)
  }

  /** Delivers the messages of this type that are under way, in order; what they cause stays under way. */
  deliverAll(type: MessageType, where: (transit: Transit) => boolean = () => true): void {
    for (const transit of this.underWay(type)) {
      if (where(transit)) this.deliver(this.network.indexOf(transit))
    }
  }

  /** Loses every message of this kind. Returns those lost. */
  lose(type: MessageType, where: (transit: Transit) => boolean = () => true): Transit[] {
    const lost = (transit: Transit) => transit.message.type === type && where(transit)
    const gone = this.network.filter(lost)
    this.network = this.network.filter((transit) => !lost(transit))
    return gone
  }

  /** Cuts a server off from these peers, both ways. */
  isolate(id: ServerId, peers: readonly ServerId[] = this.ids): void {
    for (const peer of peers) {
      this.cut.add(`${id}>${peer}`)
      this.cut.add(`${peer}>${id}`)
    }
  }

  heal(): void {
    this.cut.clear()
  }

  /** Delivers and syncs, in order and without a clock tick, until nothing is under way. */
  settle(): void {
    for (let step = 0; step < 100_000; step++) {
      for (const id of this.ids) this.sync(id)
      const writing = [...this.servers.values()].some(({ durable, journal }) => durable < journal.length)
      if (this.network.length === 0 && !writing) return
      this.deliver(0)
    }
    const types = this.network.map(({ from, to, message }) => `s${from}>s${to} ${JSON.stringify(message)}`)
    throw new Error(`messages without end: ${types.join('; ').slice(0, 1000)}`)
  }

  /** Moves the clock to the next deadline and ticks whoever waits for it. */
  advance(): void {
    const up = this.ids.filter((id) => this.server(id).up)
    const next_ms = this.nextDeadline_ms()
    if (next_ms === Infinity) return
    this.now_ms = Math.max(this.now_ms, next_ms)
    for (const id of up) if (this.server(id).deadline_ms <= this.now_ms) this.step(id, { type: 'tick' })
  }

  /** Lets everything run in order until `done`, or fails after `limit_ms` of the cluster's time. */
  run(done: () => boolean, limit_ms = 60_000): void {
    const end_ms = this.now_ms + limit_ms
    this.settle()
    while (!done()) {
      if (this.now_ms > end_ms) throw new Error(`not done within ${limit_ms} ms of simulated time`)
      this.advance()
      this.settle()
    }
  }

  /** Lets everything run in order for this long. */
  wait(duration_ms: number): void {
    const end_ms = this.now_ms + duration_ms
    this.settle()
    while (this.nextDeadline_ms() <= end_ms) {
      this.advance()
      this.settle()
    }
    this.now_ms = end_ms
  }

  /** When the first server that is up wants a tick. */
  nextDeadline_ms(): number {
    return Math.min(...[...this.servers.values()].map(({ up, deadline_ms }) => (up ? deadline_ms : Infinity)))
  }

  /**
   * Lets everything run until `done` with messages and disks that take their time: so messages cross, and
   * proposers get in each other's way as they do on a real network.
   */
  runTimed(done: () => boolean, limit_ms = 60_000, latency_ms = 2, sync_ms = 1): void {
    const end_ms = this.now_ms + limit_ms
    const syncs = new Map<ServerId, number>()
    while (!done()) {
      if (this.now_ms > end_ms) throw new Error(`not done within ${limit_ms} ms of simulated time`)
      for (const transit of this.network) {
        if (!this.#due.has(transit)) {
          this.#due.set(transit, this.now_ms + randomBetween(this.random, latency_ms / 2, 1.5 * latency_ms))
        }
      }
      for (const [id, { durable, journal }] of this.servers) {
        if (!syncs.has(id) && durable < journal.length) syncs.set(id, this.now_ms + sync_ms)
      }
      const due = (transit: Transit) => this.#due.get(transit) ?? 0
      const next = this.network.reduce<Transit | undefined>(
        (first, transit) => (first === undefined || due(transit) < due(first) ? transit : first),
        undefined,
      )
      const nextSync = [...syncs].sort((a, b) => a[1] - b[1])[0]
      const message_ms = next === undefined ? Infinity : due(next)
      const sync = nextSync?.[1] ?? Infinity
      const deadline_ms = this.nextDeadline_ms()
      if (next !== undefined && message_ms <= Math.min(sync, deadline_ms)) {
        this.now_ms = Math.max(this.now_ms, message_ms)
        this.deliver(this.network.indexOf(next))
      } else if (nextSync !== undefined && sync <= deadline_ms) {
        this.now_ms = Math.max(this.now_ms, sync)
        syncs.delete(nextSync[0])
        this.sync(nextSync[0])
      } else {
        this.advance()
      }
    }
  }

  /** Makes this server the leader: it is the first to miss the one before, and asks around. */
  makeLeader(id: ServerId): Ballot {
    this.now_ms += 4 * this.server(id).config.electionTimeout_ms
    this.step(id, { type: 'tick' })
    this.settle()
    const { role, ballot } = this.paxos(id).status()
    if (role !== 'leader') throw new Error(`s${id} is ${role}, not the leader`)
    return ballot
  }

  /** Runs until one server leads and the others follow it. Returns its id. */
  elect(): ServerId {
    this.run(() => this.leader() !== undefined)
    return this.leader() ?? 0
  }

  /** The server that leads and that a quorum follows, if there is one. */
  leader(): ServerId | undefined {
    const up = this.ids.filter((id) => this.server(id).up)
    return up.find(
      (id) =>
        this.paxos(id).status().role === 'leader' &&
        up.filter((other) => this.paxos(other).leader === id).length * 2 > this.servers.size,
    )
  }

  /** One random event: a delivery, a loss, a duplicate, a sync, a crash, a restart, a tick, a cut. */
  chaos(faults: Faults = MILD_FAULTS): void {
    // What a network cannot carry it loses.
    while (this.network.length > MAX_UNDER_WAY) {
      this.network.splice(Math.floor(random(this.random) * this.network.length), 1)
    }
    const id = this.#pick(this.ids)
    const server = this.server(id)
    let dice = random(this.random)
    const falls = (rate: number) => (dice -= rate) < 0
    if (falls(server.up ? faults.crash * (id === faults.slowDisk ? 2 : 1) : faults.restart)) {
      if (!server.up) this.restart(id)
      else if (random(this.random) < 0.3) this.kill(id)
      else this.crash(id)
    } else if (falls(faults.sync)) {
      if (id === faults.slowDisk && random(this.random) < 0.95) return
      if (random(this.random) < 0.5) this.sync(id, 1 + Math.floor(random(this.random) * 3))
      else this.sync(id)
    } else if (falls(faults.tick)) {
      // Now and then so long that everyone misses the leader.
      this.now_ms += random(this.random) * (random(this.random) < faults.stall ? 600 : 60)
      for (const other of this.ids) {
        const { deadline_ms, up } = this.server(other)
        if (up && deadline_ms <= this.now_ms) this.step(other, { type: 'tick' })
      }
    } else if (falls(faults.cut)) {
      if (this.cut.size > 0) this.heal()
      else this.isolate(id, [this.#pick(this.others(id))])
    } else if (this.#delivered.length > 0 && random(this.random) < faults.echo) {
      this.network.push(this.#pick(this.#delivered))
      this.deliver(this.network.length - 1)
    } else if (this.network.length > 0) {
      // Some messages overtake many, others stay behind for long.
      const among =
        random(this.random) < faults.hurry ? Math.min(this.network.length, 6) : this.network.length
      const index = this.network.length - 1 - Math.floor(random(this.random) * among)
      const kind = random(this.random)
      const lost = faults.lossy.includes(this.network[index]!.message.type) ? 0.7 : faults.loss
      this.#remember(this.network[index]!)
      if (kind < lost) this.network.splice(index, 1)
      else this.deliver(index, kind < lost + faults.duplicate)
    } else {
      this.advance()
    }
  }

  /** Some of what was sent, young and old. */
  #remember(transit: Transit): void {
    if (this.#delivered.length < MAX_UNDER_WAY) this.#delivered.push(transit)
    else this.#delivered[Math.floor(random(this.random) * MAX_UNDER_WAY)] = transit
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(random(this.random) * items.length)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }

  #post(from: ServerId, envelope: Envelope): void {
    const { type } = envelope.message
    this.sent.set(type, (this.sent.get(type) ?? 0) + 1)
    this.network.push({ from, to: envelope.to, message: envelope.message })
  }

  #seed(): number {
    return Math.floor(random(this.random) * 2 ** 32)
  }
}

export function value(text: string): Value {
  return Buffer.from(text)
}

/** As strings: `-` is the no-op. */
export function texts(values: readonly Value[]): string[] {
  return values.map((value) => (isNoOp(value) ? '-' : Buffer.from(value).toString()))
}
