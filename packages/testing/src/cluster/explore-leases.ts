import type { ServerId } from 'synod/internal/paxos/ballot.js'
import { checkPrefixes } from 'synod/internal/paxos/invariants.js'
import { Chance } from '../chance.js'
import { drawClockRates } from '../draw-lease.js'
import { drawQuorums } from '../draw-quorums.js'
import { chooseAlone } from './calm.js'
import { Cluster } from './cluster.js'
import { drawChange, join } from './explore-membership.js'
import { holdersOf, readUnderLease } from './read-under-lease.js'

const EVENTS = 2000
const ELECTION_TIMEOUT_MS = 100
const HEARTBEAT_MS = 15

/** How often things happen, of all events; the rest are deliveries. */
const RATES = {
  advance: 0.3,
  cut: 0.03,
  heal: 0.04,
  gone: 0.04,
  transfer: 0.03,
  crash: 0.03,
  write: 0.1,
  rival: 0.02,
} as const

/**
 * What an exploration has come across: it is worth nothing if it meets no leases, or no server that
 * would break them.
 */
export interface LeasesSeen {
  /** Reads that were answered under a lease. */
  reads: number
  /** Changes of leaders. */
  leaders: number
}

/**
 * One run of the core alone about leases, with clocks as different as leases bear: leaders are cut
 * off, reported gone or asked to transfer, servers restart, rivals campaign and write at once. A
 * holder of a lease is asked at each turn. Throws what was violated.
 */
export function exploreLeases(seed: number): LeasesSeen {
  const chance = new Chance(seed ^ 0x6c656173)
  const changes = chance.happens(1 / 3)
  const servers = changes ? 6 : chance.pick([3, 3, 5])
  const leaseMs = Math.round(ELECTION_TIMEOUT_MS * chance.between(0.4, 2))
  const config = {
    electionTimeoutMs: ELECTION_TIMEOUT_MS,
    heartbeatMs: HEARTBEAT_MS,
    leaseMs,
    resendMs: chance.between(10, 60),
    window: 1 + chance.below(8),
  }
  const founders = changes ? 1 + chance.below(4) : servers
  const quorums = changes ? undefined : drawQuorums(servers, seed)
  const cluster = new Cluster({ seed, servers, founders, config, quorums })
  const rates = drawClockRates(chance, servers)
  for (const id of cluster.ids) cluster.server(id).rate = rates[id - 1] ?? 1
  const turns = new Turns(cluster, chance, changes)
  for (let event = 0; event < EVENTS; event++) turns.event()
  cluster.network.heal()
  for (const id of cluster.ids) if (!cluster.server(id).up) cluster.restart(id)
  if (!changes) chooseAlone(cluster, cluster.elect(), 'the last')
  for (const a of cluster.ids)
    for (const b of cluster.ids) checkPrefixes(cluster.prefix(a), cluster.prefix(b))
  return turns.seen
}

class Turns {
  readonly seen: LeasesSeen = { reads: 0, leaders: 0 }
  readonly #cluster: Cluster
  readonly #chance: Chance
  /** Whether the membership changes. */
  readonly #changes: boolean
  #last: ServerId | undefined
  #proposed = 0

  constructor(cluster: Cluster, chance: Chance, changes: boolean) {
    this.#cluster = cluster
    this.#chance = chance
    this.#changes = changes
  }

  event(): void {
    const chance = this.#chance
    const cluster = this.#cluster
    let dice = chance.next()
    const falls = (rate: number) => (dice -= rate) < 0
    const { advance, crash, cut, gone, heal, rival, transfer, write } = RATES
    if (falls(advance)) this.#advanceTime()
    else if (falls(cut)) this.#cutOff()
    else if (falls(heal)) cluster.network.heal()
    else if (falls(gone)) this.#reportGone()
    else if (falls(transfer)) this.#transfer()
    else if (falls(crash)) cluster.crash(chance.pick(cluster.ids))
    else if (falls(write)) this.#write()
    else if (falls(rival)) this.#electRival()
    else this.#deliver()
    for (const id of cluster.ids) if (!cluster.server(id).up && chance.happens(0.3)) cluster.restart(id)
    if (chance.happens(0.7)) cluster.syncDisks()
    this.#read()
  }

  #transfer(): void {
    const chance = this.#chance
    const { ids } = this.#cluster
    this.#cluster.step(chance.pick(ids), { type: 'transfer', to: chance.happens(0.3) ? 0 : chance.pick(ids) })
  }

  get #leaders(): ServerId[] {
    return this.#cluster.ids.filter((id) => this.#cluster.paxos(id).role === 'leader')
  }

  #advanceTime(): void {
    this.#cluster.nowMs += (this.#chance.next() * ELECTION_TIMEOUT_MS) / 8
    this.#cluster.tickDue()
  }

  /** A leader receives nothing, or not from all; now and then nothing of it arrives. */
  #cutOff(): void {
    const chance = this.#chance
    const cluster = this.#cluster
    for (const id of this.#leaders) {
      const peers = cluster.others(id).filter(() => chance.happens(0.8))
      if (chance.happens(0.7)) cluster.network.isolate(id, peers)
      else for (const peer of peers) cluster.network.cut.add(`${id}>${peer}`)
    }
  }

  /** A leader with a lease is cut off, and others try to lead and to write before that runs out. */
  #electRival(): void {
    const chance = this.#chance
    const cluster = this.#cluster
    const [leader] = holdersOf(cluster)
    if (leader === undefined) return
    const others = cluster.others(leader)
    if (chance.happens(0.3)) this.#interruptCampaign(leader)
    // One is cut off from the leader until its lease promise has ended.
    if (chance.happens(0.3)) {
      cluster.network.isolate(leader, [chance.pick(others)])
      this.#writeSteps(20)
    }
    cluster.network.isolate(leader)
    const restarts = chance.happens(0.3)
    for (const id of others) if (restarts && chance.happens(0.8)) cluster.crash(id)
    for (const id of others) if (!cluster.server(id).up) cluster.restart(id)
    if (chance.happens(0.3)) this.#reportGone()
    this.#writeSteps(30)
  }

  /** Others campaign, and the leader is back before their prepares arrive. */
  #interruptCampaign(leader: ServerId): void {
    const cluster = this.#cluster
    cluster.network.isolate(leader)
    for (let step = 0; step < 60 && cluster.network.underWay('prepare').length === 0; step++) {
      this.#advanceTime()
      for (const type of ['probe', 'probe-answer'] as const) cluster.deliverAll(type)
      cluster.syncDisks()
    }
    cluster.network.heal()
    for (let step = 0; step < 8; step++) {
      this.#advanceTime()
      for (const type of ['heartbeat', 'heartbeat-answer'] as const) cluster.deliverAll(type)
      this.#read()
    }
  }

  /** For some steps, everything arrives at once and the leader writes. */
  #writeSteps(steps: number): void {
    for (let step = 0; step < steps; step++) {
      this.#advanceTime()
      this.#cluster.settle()
      this.#write()
      this.#cluster.settle()
      this.#read()
    }
  }

  /** Servers are told that the process of the leader is gone. */
  #reportGone(): void {
    for (const peer of this.#leaders)
      for (const id of this.#cluster.others(peer))
        if (this.#chance.happens(0.7)) this.#cluster.step(id, { type: 'peer-gone', peer })
  }

  #write(): void {
    const chance = this.#chance
    for (const id of this.#leaders) {
      const changes = this.#changes && chance.happens(0.3)
      this.#cluster.propose(id, changes ? drawChange(chance) : `r${++this.#proposed}`)
    }
    if (this.#changes) join(this.#cluster, chance)
  }

  #deliver(): void {
    const chance = this.#chance
    const { network } = this.#cluster
    for (let count = chance.below(12); count > 0 && network.transits.length > 0; count--) {
      const index = chance.below(Math.min(network.transits.length, 8))
      if (chance.happens(0.02)) network.transits.splice(index, 1)
      else this.#cluster.deliver(index, chance.happens(0.03))
    }
  }

  /** What a leader with a lease is asked it answers at once, and is judged by it. */
  #read(): void {
    for (const id of this.#leaders) {
      const server = this.#cluster.server(id)
      if (server.up && id !== this.#last) {
        this.#last = id
        this.seen.leaders++
      }
    }
    this.seen.reads += readUnderLease(this.#cluster)
  }
}
