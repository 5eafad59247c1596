import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { MessageType } from 'synod/internal/paxos/messages.js'
import { Chance } from '../chance.js'
import type { Cluster } from './cluster.js'
import type { Transit } from './observer.js'

/**
 * How often things happen, of all events; `loss` and `duplicate` of all deliveries, `hurry` too.
 */
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
  /** A server drops slots. */
  readonly trim: number
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
  trim: 0,
}

/** What a cluster can do without for a while, though it shows. */
const LOSSY: readonly MessageType[] = ['accepted', 'chosen', 'decided', 'fetch', 'heartbeat', 'nack']

/** Faults of another kind for each seed. */
export function drawFaults(chance: Chance, servers: readonly ServerId[], trims: Chance): Faults {
  const upTo = (most: number) => chance.between(0, most)
  return {
    loss: upTo(0.1),
    duplicate: upTo(0.25),
    lossy: chance.happens(0.5) ? LOSSY.filter(() => chance.happens(0.4)) : [],
    crash: upTo(0.03),
    restart: 0.03 + upTo(0.2),
    sync: 0.05 + upTo(0.3),
    tick: 0.02 + upTo(0.06),
    stall: upTo(0.3),
    cut: upTo(0.01),
    hurry: upTo(0.9),
    echo: upTo(0.3),
    slowDisk: servers[chance.below(2 * servers.length)] ?? 0,
    trim: trims.happens(0.5) ? trims.next() ** 2 * 0.05 : 0,
  }
}

/** The most messages under way, and the most that are remembered to come once more. */
const MAX_MESSAGES = 300

/** Lets random events happen to a cluster, drawn from the cluster's own chance. */
export class Chaos {
  readonly #cluster: Cluster
  readonly #faults: Faults
  readonly #trims: Chance
  /** Some of what was sent, young and old. */
  readonly #remembered: Transit[] = []

  /** Trims draw from a source of their own. */
  constructor(cluster: Cluster, faults: Faults = MILD_FAULTS, trims = new Chance(0)) {
    this.#cluster = cluster
    this.#faults = faults
    this.#trims = trims
  }

  /**
   * One random event: a delivery, a loss, a duplicate, a sync, a crash, a restart, a tick, a cut.
   */
  event(): void {
    const { chance, ids, network } = this.#cluster
    if (this.#faults.trim > 0 && this.#trims.happens(this.#faults.trim)) this.#trim()
    // What a network cannot carry it loses.
    while (network.transits.length > MAX_MESSAGES)
      network.transits.splice(chance.below(network.transits.length), 1)
    const id = chance.pick(ids)
    const { up } = this.#cluster.server(id)
    const { crash, cut, echo, restart, slowDisk, sync, tick } = this.#faults
    let dice = chance.next()
    const falls = (rate: number) => (dice -= rate) < 0
    if (falls(up ? crash * (id === slowDisk ? 2 : 1) : restart)) this.#crashOrRestart(id)
    else if (falls(sync)) this.#sync(id)
    else if (falls(tick)) this.#advanceTime()
    else if (falls(cut)) this.#cutOrHeal(id)
    else if (this.#remembered.length > 0 && chance.happens(echo)) this.#echo()
    else if (network.transits.length > 0) this.#deliver()
    else this.#cluster.advance()
  }

  #trim(): void {
    const id = this.#trims.pick(this.#cluster.ids)
    const { length } = this.#cluster.server(id).executed
    this.#cluster.trim(id, length - Math.floor(this.#trims.next() ** 3 * length))
  }

  #crashOrRestart(id: ServerId): void {
    if (!this.#cluster.server(id).up) this.#cluster.restart(id)
    else if (this.#cluster.chance.happens(0.3)) this.#cluster.kill(id)
    else this.#cluster.crash(id)
  }

  #sync(id: ServerId): void {
    const { chance } = this.#cluster
    if (id === this.#faults.slowDisk && chance.happens(0.95)) return
    if (chance.happens(0.5)) this.#cluster.sync(id, 1 + chance.below(3))
    else this.#cluster.sync(id)
  }

  /** Time passes: now and then so long that everyone misses the leader. */
  #advanceTime(): void {
    const { chance } = this.#cluster
    const passed = chance.next()
    this.#cluster.nowMs += passed * (chance.happens(this.#faults.stall) ? 600 : 60)
    this.#cluster.tickDue()
  }

  #cutOrHeal(id: ServerId): void {
    const cluster = this.#cluster
    if (cluster.network.cut.size > 0) cluster.network.heal()
    else cluster.network.isolate(id, [cluster.chance.pick(cluster.others(id))])
  }

  #echo(): void {
    const { chance, network } = this.#cluster
    this.#cluster.deliver(network.transits.push(chance.pick(this.#remembered)) - 1)
  }

  /** Some messages overtake many, others stay behind for long. */
  #deliver(): void {
    const { chance, network } = this.#cluster
    const { duplicate, hurry, loss, lossy } = this.#faults
    const among = chance.happens(hurry) ? Math.min(network.transits.length, 6) : network.transits.length
    const index = network.transits.length - 1 - chance.below(among)
    const transit = network.transits[index]
    if (transit === undefined) return
    const kind = chance.next()
    const lost = lossy.includes(transit.message.type) ? 0.7 : loss
    this.#remember(transit)
    if (kind < lost) network.transits.splice(index, 1)
    else this.#cluster.deliver(index, kind < lost + duplicate)
  }

  #remember(transit: Transit): void {
    if (this.#remembered.length < MAX_MESSAGES) this.#remembered.push(transit)
    else this.#remembered[this.#cluster.chance.below(MAX_MESSAGES)] = transit
  }
}
