import type { ServerId, Slot } from '../../src/paxos/ballot.js'
import { DEFAULT_WINDOW, PAXOS_DEFAULTS, type Mode, type PaxosConfig } from '../../src/paxos/config.js'
import type { Envelope, Output } from '../../src/paxos/effects.js'
import { History } from '../../src/paxos/invariants.js'
import type { Message, MessageType } from '../../src/paxos/messages.js'
import { Paxos, type Input } from '../../src/paxos/paxos.js'
import { random, type RandomState } from '../../src/paxos/random.js'
import type { JournalRecord } from '../../src/paxos/records.js'
import type { Value } from '../../src/paxos/value.js'

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
  #nextId = 1

  constructor(options: ClusterOptions = {}) {
    const { servers = 3, mode = 'leader', seed = 1, config = {} } = options
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
        voting: true,
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
    for (; server.told < server.paxos.chosen; server.told++) {
      this.history.chosen(id, server.told + 1, this.value(id, server.told + 1))
    }
    return output
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
    const proposals = texts.map((text) => ({ id: this.#nextId++, value: Buffer.from(text) }))
    this.step(id, { type: 'propose', proposals })
    return proposals.map((proposal) => proposal.id)
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
      if (this.network.length === 0) return
      this.deliver(0)
    }
    const types = this.network.map(({ from, to, message }) => `s${from}>s${to} ${JSON.stringify(message)}`)
    throw new Error(`messages without end: ${types.join('; ').slice(0, 1000)}`)
  }

  /** Moves the clock to the next deadline and ticks whoever waits for it. */
  advance(): void {
    const up = this.ids.filter((id) => this.server(id).up)
    if (up.length === 0) return
    const next_ms = Math.min(...up.map((id) => this.server(id).deadline_ms))
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

  /** One random event: a delivery, a loss, a duplicate, a sync, a crash, a restart, a tick. */
  chaos(rates: { loss: number; duplicate: number; crash: number }): void {
    const dice = random(this.random)
    const id = this.#pick(this.ids)
    if (dice < rates.crash) {
      if (this.server(id).up) this.crash(id)
      else this.restart(id)
    } else if (dice < 0.15) {
      if (this.server(id).up && random(this.random) < 0.5) this.sync(id, 1 + Math.floor(random(this.random) * 3))
      else this.sync(id)
    } else if (dice < 0.22) {
      this.now_ms += random(this.random) * 60
      for (const other of this.ids) {
        const server = this.server(other)
        if (server.up && server.deadline_ms <= this.now_ms) this.step(other, { type: 'tick' })
      }
    } else if (this.network.length > 0) {
      const index = Math.floor(random(this.random) * this.network.length)
      const kind = random(this.random)
      if (kind < rates.loss) this.network.splice(index, 1)
      else this.deliver(index, kind < rates.loss + rates.duplicate)
    } else {
      this.advance()
    }
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(random(this.random) * items.length)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }

  #post(from: ServerId, envelope: Envelope): void {
    this.network.push({ from, to: envelope.to, message: envelope.message })
  }

  #seed(): number {
    return Math.floor(random(this.random) * 2 ** 32)
  }
}

export function texts(values: readonly Value[]): string[] {
  return values.map((value) => Buffer.from(value).toString())
}
