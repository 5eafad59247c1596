import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Mode } from 'synod/internal/paxos/config.js'
import { checkPrefixes } from 'synod/internal/paxos/invariants.js'
import { Chance } from '../chance.js'
import { drawClockRates } from '../draw-lease.js'
import { magnitude } from '../magnitude.js'
import { drawPreparedSlots } from '../draw-prepared-slots.js'
import { Cluster } from './cluster.js'
import type { Transit } from './observer.js'
import { readUnderLease } from './read-under-lease.js'

const STEPS = 2500
const ELECTION_TIMEOUT_MS = 100

/**
 * Within this time a cluster whose links are quick again has a leader, and chooses what it is asked
 * to.
 */
const CALM_MS = 60_000

/**
 * One run of the core alone on links of very different delays in each direction: many heartbeats
 * and rounds of reads are out before the first answer. Servers pause, links are cut and healed, few
 * servers read all the time while others write. Throws what was violated.
 */
export function exploreSlowLinks(mode: Mode, seed: number): void {
  const run = new Run(mode, new Chance(seed ^ 0x736c6f77), seed)
  for (let step = 0; step < STEPS; step++) run.step()
  run.end()
}

class Run {
  readonly #chance: Chance
  readonly #cluster: Cluster
  /** By way, how long a message takes: at least so long, and up to twice that. */
  readonly #delaysMs = new Map<string, number>()
  readonly #arrivals = new Map<Transit, number>()
  readonly #syncMs: number
  readonly #syncs = new Map<ServerId, number>()
  readonly #every: Readonly<Record<'write' | 'read' | 'cut' | 'pause' | 'crash', number>>
  readonly #readers: readonly ServerId[]
  #written = 0

  constructor(mode: Mode, chance: Chance, seed: number) {
    this.#chance = chance
    const servers = chance.pick([3, 3, 5])
    const heartbeatMs = magnitude(chance, 4, 40)
    const leaseMs = mode === 'leader' && chance.happens(0.7) ? Math.ceil(magnitude(chance, 20, 400)) : 0
    this.#cluster = new Cluster({
      mode,
      seed,
      servers,
      config: {
        electionTimeoutMs: ELECTION_TIMEOUT_MS,
        heartbeatMs,
        leaseMs,
        resendMs: magnitude(chance, 10, 300),
        preparedSlots: drawPreparedSlots(seed),
        window: Math.round(magnitude(chance, 1, 30)),
      },
    })
    const { ids } = this.#cluster
    const rates = drawClockRates(chance, servers)
    if (leaseMs > 0) for (const id of ids) this.#cluster.server(id).rate = rates[id - 1] ?? 1
    for (const from of ids)
      for (const to of ids)
        this.#delaysMs.set(
          `${from}>${to}`,
          chance.happens(0.5) ? magnitude(chance, 0.2, 4) : magnitude(chance, 4, 90),
        )
    this.#syncMs = magnitude(chance, 0.1, 10)
    const rarely = (most: number) => (chance.happens(0.6) ? magnitude(chance, 0.001, most) : 0)
    this.#every = {
      write: magnitude(chance, 0.01, 0.3),
      read: rarely(0.5),
      cut: rarely(0.03),
      pause: rarely(0.03),
      crash: rarely(0.01),
    }
    this.#readers = ids.filter(() => chance.happens(0.5))
    this.#cluster.observe({
      sent: (transit) => {
        const delayMs = this.#delaysMs.get(`${transit.from}>${transit.to}`) ?? 1
        this.#arrivals.set(transit, this.#cluster.nowMs + delayMs * chance.between(1, 2))
      },
    })
  }

  step(): void {
    const chance = this.#chance
    const cluster = this.#cluster
    this.#next()
    const { crash, cut, pause, read, write } = this.#every
    const id = chance.pick(cluster.ids)
    const server = cluster.server(id)
    if (chance.happens(write)) cluster.propose(this.#leader() ?? id, `r${++this.#written}`)
    if (this.#readers.length > 0 && chance.happens(read)) cluster.read(chance.pick(this.#readers))
    if (chance.happens(cut)) {
      if (cluster.network.cut.size > 0) cluster.network.heal()
      else if (chance.happens(0.5)) cluster.network.isolate(this.#leader() ?? id)
      else cluster.network.cut.add(`${id}>${chance.pick(cluster.others(id))}`)
    }
    if (server.paused ? chance.happens(0.02) : server.up && chance.happens(pause)) {
      if (server.paused) cluster.resume(id)
      else cluster.pause(this.#leader() ?? id)
    }
    if (!server.up ? chance.happens(0.05) : chance.happens(crash)) {
      if (server.up) cluster.crash(id)
      else cluster.restart(id)
    }
    readUnderLease(cluster)
  }

  /** What is due first: an arrival, an fsync or a deadline. */
  #next(): void {
    const cluster = this.#cluster
    for (const id of cluster.busyDisks())
      if (!this.#syncs.has(id)) this.#syncs.set(id, cluster.nowMs + this.#syncMs * this.#chance.next())
    let dueMs = cluster.nextDeadlineMs()
    let act = () => {
      cluster.advance()
    }
    for (const [id, atMs] of this.#syncs) {
      if (atMs >= dueMs) continue
      dueMs = atMs
      act = () => {
        this.#syncs.delete(id)
        cluster.sync(id)
      }
    }
    for (const [transit, atMs] of this.#arrivals) {
      if (atMs >= dueMs || cluster.server(transit.to).paused) continue
      dueMs = atMs
      act = () => {
        this.#arrivals.delete(transit)
        cluster.deliver(cluster.network.transits.indexOf(transit))
      }
    }
    if (dueMs === Infinity) dueMs = cluster.nowMs + 1
    cluster.nowMs = Math.max(cluster.nowMs, dueMs)
    act()
  }

  #leader(): ServerId | undefined {
    return this.#cluster.ids.find((id) => this.#cluster.paxos(id).role === 'leader')
  }

  end(): void {
    const cluster = this.#cluster
    cluster.network.heal()
    for (const id of cluster.ids) {
      if (cluster.server(id).paused) cluster.resume(id)
      if (!cluster.server(id).up) cluster.restart(id)
    }
    if (cluster.mode === 'leader') cluster.run(() => this.#leader() !== undefined, CALM_MS)
    const id = this.#leader() ?? this.#chance.pick(cluster.ids)
    const before = cluster.prefix(id).length
    cluster.propose(id, 'the last')
    cluster.run(() => cluster.ids.every((other) => cluster.prefix(other).length > before), CALM_MS)
    for (const a of cluster.ids)
      for (const b of cluster.ids) checkPrefixes(cluster.prefix(a), cluster.prefix(b))
  }
}
