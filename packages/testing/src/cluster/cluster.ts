import type { Ballot, ServerId, Slot } from 'synod/internal/paxos/ballot.js'
import type { Mode, PaxosConfig } from 'synod/internal/paxos/config.js'
import type { SnapshotNeed, Envelope, Output } from 'synod/internal/paxos/effects.js'
import { ClusterHistory, InvariantError } from 'synod/internal/paxos/invariants.js'
import type { MessageType } from 'synod/internal/paxos/messages.js'
import type { Input, Paxos } from 'synod/internal/paxos/paxos.js'
import { isNoOp, type Value } from 'synod/internal/paxos/value.js'
import type { Quorums } from 'synod/internal/paxos/quorum.js'
import { Chance } from '../chance.js'
import { coreConfig } from '../core-config.js'
import { checkStep } from './check-step.js'
import { ClusterNetwork } from './cluster-network.js'
import { ClusterServer } from './cluster-server.js'
import { LeaseWatch } from './lease-watch.js'
import type { ClusterObserver, Transit, Turn } from './observer.js'

/**
 * Within this time a request sets out that has the cluster to itself: servers give each other a
 * head start.
 */
export const HEAD_START_MS = 40

export interface ClusterOptions {
  readonly servers?: number
  readonly mode?: Mode
  readonly seed?: number
  /** How many of the servers vote from the beginning; all unless given. */
  readonly founders?: number
  /** Majorities unless given. */
  readonly quorums?: Quorums | undefined
  readonly config?: Partial<PaxosConfig>
  /** Servers that may have forgotten promises or votes. */
  readonly nonVoting?: readonly ServerId[]
}

/**
 * Servers of the pure core, joined by a network, disks and a clock that a test moves by hand or by
 * chance. Every step is checked against the invariants.
 */
export class Cluster {
  readonly mode: Mode
  nowMs = 0
  readonly network: ClusterNetwork
  readonly servers = new Map<ServerId, ClusterServer>()
  readonly history: ClusterHistory
  readonly chance: Chance
  /** Servers whose disk writes only by `sync`, also where all else runs in order. */
  readonly stuckDisks = new Set<ServerId>()
  readonly #observers: ClusterObserver[] = []
  readonly #leases: LeaseWatch
  /**
   * The highest slot up to which some server has been able to execute: what may have been
   * acknowledged.
   */
  #acknowledged: Slot = 0
  #nextProposal = 1
  #nextRead = 1

  constructor(options: ClusterOptions = {}) {
    const { servers = 3, mode = 'leader', seed = 1, config = {}, nonVoting = [], quorums } = options
    const { founders = servers } = options
    const ids = Array.from({ length: servers }, (_, index) => index + 1)
    this.mode = mode
    this.chance = new Chance(seed)
    const configOf = (self: ServerId): PaxosConfig => ({
      ...coreConfig(self, ids.slice(0, founders), mode, quorums),
      voting: !nonVoting.includes(self),
      ...config,
    })
    this.history = new ClusterHistory(configOf(1))
    this.#leases = new LeaseWatch(this.history)
    this.network = new ClusterNetwork(
      () => this.ids,
      (transit) => this.#notify((it) => it.lost?.(transit)),
    )
    for (const self of ids) this.servers.set(self, new ClusterServer(configOf(self), this.chance.seed()))
  }

  /**
   * From now on this observer is called for each event, after the earlier observers, until the
   * function that is returned is called.
   */
  observe(observer: ClusterObserver): () => void {
    this.#observers.push(observer)
    return () => {
      this.#observers.splice(this.#observers.indexOf(observer), 1)
    }
  }

  #notify(tell: (observer: ClusterObserver) => void): void {
    for (const observer of this.#observers) tell(observer)
  }

  get ids(): ServerId[] {
    return [...this.servers.keys()]
  }

  others(id: ServerId): ServerId[] {
    return this.ids.filter((other) => other !== id)
  }

  server(id: ServerId): ClusterServer {
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
    if (!server.isRunning) return undefined
    this.#notify((it) => it.stepping?.(id, input))
    const { output, leaving } = server.step(input, this.nowMs)
    for (const envelope of leaving) this.#post(id, envelope)
    checkStep(server, this.history, this.nowMs, input, output)
    if (output.behind !== undefined) this.#transfer(id, output.behind)
    this.#execute(id)
    this.#notify((it) => it.stepped?.(id, input, output))
    for (const proposal of server.takeAnswered()) this.step(id, { type: 'withdraw', id: proposal })
    return output
  }

  #execute(id: ServerId): void {
    const { executed, paxos } = this.server(id)
    while (executed.length < paxos.chosen) {
      const slot = executed.length + 1
      const value = this.value(id, slot)
      this.history.chosen(id, slot, value)
      executed.push(value)
    }
    this.#acknowledged = Math.max(this.#acknowledged, executed.length)
  }

  /** The server makes a snapshot of what it has executed, and drops the slots up to this one. */
  trim(id: ServerId, slot: Slot): void {
    const server = this.server(id)
    // A server that is new has no state of its own before it has a snapshot of another one.
    if (!server.isRunning || !server.hasJoined) return
    server.snapshotted = Math.max(server.snapshotted, Math.min(slot, server.executed.length))
    this.#reportSnapshot(server)
  }

  #reportSnapshot({ id, snapshotted: slot, snapshottedMembership: membership }: ClusterServer): void {
    this.step(id, { type: 'trim', slot, membership })
  }

  /** A server that is new gets a snapshot of all that another one has executed. */
  join(id: ServerId, from: ServerId): void {
    const [source, server] = [this.server(from), this.server(id)]
    if (!source.isRunning || !server.isRunning || source.executed.length < server.executed.length) return
    server.hasJoined = true
    this.#notify((it) => it.installing?.(id, from, source.executed.length))
    this.#install(server, source.executed)
  }

  /** A server that does not vote yet loses its disk. It is down then. */
  loseDisk(id: ServerId): void {
    this.crash(id)
    this.server(id).loseDisk()
    this.history.forget(id)
  }

  /** The server has left the cluster, and is gone. */
  retire(id: ServerId): void {
    this.servers.delete(id)
    this.network.forget(id)
  }

  #install(to: ClusterServer, values: readonly Value[]): void {
    to.executed = [...values]
    for (const [index, value] of to.executed.entries()) this.history.chosen(to.id, index + 1, value)
    to.snapshotted = to.executed.length
    this.#reportSnapshot(to)
  }

  /** A server that is behind what a peer has dropped gets the peer's snapshot, if that is up. */
  #transfer(id: ServerId, { peer, slot }: SnapshotNeed): void {
    const [from, to] = [this.server(peer), this.server(id)]
    if (!from.up || from.snapshotted <= to.executed.length) return
    if (from.snapshotted < slot) throw new InvariantError(`s${peer} dropped slots that are in no snapshot`)
    to.hasJoined = true
    this.#notify((it) => it.installing?.(id, peer, from.snapshotted))
    this.#install(to, from.executed.slice(0, from.snapshotted))
  }

  value(id: ServerId, slot: Slot): Value {
    return this.server(id).value(slot)
  }

  /** The values of the chosen prefix. */
  prefix(id: ServerId): readonly Value[] {
    return this.server(id).executed
  }

  /** Proposes values, given as such or as texts. Returns the ids of the proposals. */
  propose(id: ServerId, ...values: (string | Value)[]): number[] {
    const proposals = values.map((it) => ({
      id: this.#nextProposal++,
      value: typeof it === 'string' ? value(it) : it,
    }))
    this.step(id, { type: 'propose', proposals })
    return proposals.map((proposal) => proposal.id)
  }

  /**
   * A client asks these servers for values, and each of them that takes it proposes them. As soon
   * as a server has executed one, it is withdrawn there.
   */
  request(client: number, servers: readonly ServerId[], values: readonly Value[]): void {
    this.#notify((it) => it.requested?.(client, servers, values))
    for (const id of servers) {
      const server = this.server(id)
      if (!server.isRunning) continue
      const proposals = values.map((value) => ({ id: this.#nextProposal++, value }))
      server.unanswered.push(...proposals)
      this.step(id, { type: 'propose', proposals })
    }
  }

  /**
   * A linearizable read on this server. Returns its id; `readable` tells the slot once it is known.
   */
  read(id: ServerId): number {
    const read = this.#nextRead++
    const server = this.server(id)
    const from = { acknowledged: this.#acknowledged, decided: this.history.lastDecided() }
    server.readsFrom.set(read, from)
    this.step(id, { type: 'read', id: read })
    if (server.isRunning && server.holdsLease(this.nowMs)) this.#leases.holds(server, this.nowMs)
    return read
  }

  readable(id: ServerId, read: number): Slot | undefined {
    return this.server(id).readable.get(read)
  }

  /**
   * Proposes in leaderless mode, and gives this server alone the time that it waits before it goes
   * ahead.
   */
  proposeAlone(id: ServerId, ...values: (string | Value)[]): number[] {
    const ids = this.propose(id, ...values)
    const server = this.server(id)
    const endMs = this.nowMs + HEAD_START_MS
    while (server.deadlineMs <= endMs) {
      this.nowMs = Math.max(this.nowMs, server.deadlineMs)
      this.step(id, { type: 'tick' })
    }
    this.nowMs = endMs
    return ids
  }

  /**
   * Everything that the server has written becomes durable, or the first `count` of what is not.
   */
  sync(id: ServerId, count = Infinity): void {
    const server = this.server(id)
    if (!server.isRunning || count === 0 || !server.isWriting) return
    const { durable, journal } = server
    const freed = server.write(count)
    const records = journal.slice(durable, server.durable)
    for (const record of records) this.history.durable(id, record)
    this.#notify((it) => it.durable?.(id, records))
    for (const envelope of freed) this.#post(id, envelope)
    this.step(id, { type: 'durable', recordCount: server.recordCount })
  }

  /** The process ends; what was not durable is lost. */
  crash(id: ServerId): void {
    this.#turn(id, 'crash', () => this.server(id).crash())
  }

  /**
   * The process stands still: it takes no messages and no ticks, and its disk gets nothing done.
   */
  pause(id: ServerId): void {
    this.#turn(id, 'pause', () => {
      this.server(id).paused = true
    })
  }

  /** The process goes on where it stood. */
  resume(id: ServerId): void {
    this.#turn(id, 'resume', () => {
      this.server(id).paused = false
    })
  }

  #turn(id: ServerId, turn: Turn, act: () => void): void {
    this.#notify((it) => it.turning?.(id, turn))
    act()
    this.#notify((it) => it.turned?.(id, turn))
  }

  /** The process ends, and the others see its connections break. */
  kill(id: ServerId): void {
    this.crash(id)
    for (const other of this.others(id)) this.step(other, { type: 'peer-gone', peer: id })
  }

  restart(id: ServerId): void {
    const server = this.server(id)
    this.#turn(id, 'restart', () => server.restart(this.chance.seed(), this.nowMs))
    // The snapshot may have become durable when the record that goes with it had not.
    if (server.snapshotted > 0) this.#reportSnapshot(server)
    else this.#execute(id)
  }

  /**
   * Delivers the message at this place of the network, and takes it off unless it is to be
   * duplicated. One to a server that is paused stays where it is.
   */
  deliver(index: number, duplicate = false): void {
    const transit = this.network.transits[index]
    if (transit === undefined || this.server(transit.to).paused) return
    if (!duplicate) this.network.transits.splice(index, 1)
    const { from, to, message } = transit
    const arrival = this.network.isCut(from, to) ? 'cut' : this.server(to).up ? 'taken' : 'down'
    this.#notify((it) => it.arrived?.(transit, arrival))
    if (arrival === 'taken') this.step(to, { type: 'message', from, message })
  }

  /**
   * Delivers the messages of this type that are under way, in order; what they cause stays under
   * way.
   */
  deliverAll(type: MessageType, where: (transit: Transit) => boolean = () => true): void {
    for (const transit of this.network.underWay(type)) {
      if (where(transit)) this.deliver(this.network.transits.indexOf(transit))
    }
  }

  /** Delivers and syncs, in order and without a clock tick, until nothing is under way. */
  settle(): void {
    for (let step = 0; step < 100_000; step++) {
      this.syncDisks()
      const next = this.network.transits.findIndex(({ to }) => !this.server(to).paused)
      if (next < 0) return
      this.deliver(next)
    }
    const types = this.network.transits.map(
      ({ from, to, message }) => `s${from}>s${to} ${JSON.stringify(message)}`,
    )
    throw new Error(`messages without end: ${types.join('; ').slice(0, 1000)}`)
  }

  /**
   * Everything written becomes durable, and what follows from that, but on disks that are stuck.
   */
  syncDisks(): void {
    for (let busy = this.busyDisks(); busy.length > 0; busy = this.busyDisks()) {
      for (const id of busy) this.sync(id)
    }
  }

  /** Servers that have written what is not durable yet, on disks that are not stuck. */
  busyDisks(): ServerId[] {
    return this.ids.filter((id) => {
      const { isRunning, isWriting } = this.server(id)
      return isRunning && isWriting && !this.stuckDisks.has(id)
    })
  }

  /** Moves the clock to the next deadline and ticks the servers that wait for it. */
  advance(): void {
    const nextMs = this.nextDeadlineMs()
    if (nextMs === Infinity) return
    this.nowMs = Math.max(this.nowMs, nextMs)
    this.tickDue()
  }

  /** Moves the clock to where this server wants a tick, and gives one to it alone. */
  tick(id: ServerId): void {
    const { deadlineMs } = this.server(id)
    if (deadlineMs === Infinity) return
    this.nowMs = Math.max(this.nowMs, deadlineMs)
    this.step(id, { type: 'tick' })
  }

  /** Ticks the servers that wait for it. */
  tickDue(): void {
    for (const [id, { deadlineMs }] of this.servers) {
      if (deadlineMs <= this.nowMs) this.step(id, { type: 'tick' })
    }
  }

  /** Lets everything run in order until `done`, or fails after `limitMs` of the cluster's time. */
  run(done: () => boolean, limitMs = 60_000): void {
    const endMs = this.nowMs + limitMs
    this.settle()
    while (!done()) {
      if (this.nowMs > endMs) throw new Error(`not done within ${limitMs} ms of simulated time`)
      this.advance()
      this.settle()
    }
  }

  /** Lets everything run in order for this long. */
  wait(durationMs: number): void {
    const endMs = this.nowMs + durationMs
    this.settle()
    while (this.nextDeadlineMs() <= endMs) {
      this.advance()
      this.settle()
    }
    this.nowMs = endMs
  }

  /** When the first server that is up wants a tick. */
  nextDeadlineMs(): number {
    const servers = [...this.servers.values()]
    return Math.min(...servers.map(({ isRunning, deadlineMs }) => (isRunning ? deadlineMs : Infinity)))
  }

  /** Lets time pass until every server misses the leader, and this one is the first to probe. */
  missLeader(id: ServerId): void {
    this.nowMs += 4 * this.server(id).config.electionTimeoutMs
    this.step(id, { type: 'tick' })
  }

  /** Makes this server the leader: it is the first to miss the one before, and asks around. */
  makeLeader(id: ServerId): Ballot {
    this.missLeader(id)
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

  #post(from: ServerId, envelope: Envelope): void {
    this.network.count(envelope.message)
    const transit = { from, to: envelope.to, message: envelope.message }
    this.history.sent(from, envelope.message)
    this.#leases.sent(this.server(from), envelope.message, this.nowMs)
    if (!this.servers.has(envelope.to)) return
    this.network.transits.push(transit)
    this.#notify((it) => it.sent?.(transit))
  }
}

export function value(text: string): Value {
  return new TextEncoder().encode(text)
}

/** As strings: `-` is the no-op. */
export function texts(values: readonly Value[]): string[] {
  return values.map((value) => (isNoOp(value) ? '-' : new TextDecoder().decode(value)))
}
