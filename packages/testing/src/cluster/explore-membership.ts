import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Mode } from 'synod/internal/paxos/config.js'
import { InvariantError, checkPrefixes } from 'synod/internal/paxos/invariants.js'
import type { MembershipView } from 'synod/internal/paxos/membership.js'
import { Chance } from '../chance.js'
import { drawLease } from '../draw-lease.js'
import { drawPreparedSlots } from '../draw-prepared-slots.js'
import { changeLeaders, chooseAlone, chooseAtOnce } from './calm.js'
import { Chaos, MILD_FAULTS, drawFaults } from './chaos.js'
import { Cluster } from './cluster.js'
import { readUnderLease } from './read-under-lease.js'

const EVENTS = 8000
const SERVERS = 6

/** In this time what is under way comes to its end. */
const QUIET_MS = 3000

/** So often at most it is waited for. */
const MOST_ROUNDS = 20

/**
 * One run of the core alone in which the membership changes in every way, among all that
 * `exploreCore` draws; servers vote before they have caught up, and removed ones go on sending.
 * Then the members that are left must choose what is proposed. Throws what was violated.
 */
export function exploreMembership(mode: Mode, seed: number): void {
  const chance = new Chance(seed ^ 0x6d656d62)
  const electionTimeoutMs = chance.between(20, 200)
  const heartbeatMs = electionTimeoutMs / 5
  const lease = drawLease(mode, seed, SERVERS, { electionTimeoutMs, heartbeatMs })
  const config = {
    electionTimeoutMs,
    heartbeatMs,
    leaseMs: lease?.leaseMs ?? 0,
    resendMs: chance.between(20, 250),
    preparedSlots: drawPreparedSlots(seed),
    window: 1 + chance.below(chance.happens(0.5) ? 3 : 20),
  }
  const cluster = new Cluster({ mode, seed, servers: SERVERS, founders: 1 + chance.below(4), config })
  for (const id of cluster.ids) cluster.server(id).rate = lease?.rates[id - 1] ?? 1
  const trims = new Chance(seed ^ 0x7472696d)
  const drawn = drawFaults(chance, cluster.ids, trims)
  const chaos = new Chaos(cluster, chance.happens(0.5) ? drawn : { ...MILD_FAULTS, trim: drawn.trim }, trims)
  const every = Math.ceil(chance.between(5, 30))
  let proposed = 0
  if (mode === 'leader') cluster.run(() => cluster.ids.some((id) => cluster.paxos(id).role === 'leader'))
  for (let event = 0; event < EVENTS; event++) {
    chaos.event()
    if (lease !== undefined) readUnderLease(cluster)
    // Who has no leader for long looks for one.
    if (event % 400 === 0) cluster.missLeader(chance.pick(cluster.ids))
    if (event % every !== 0) continue
    cluster.propose(chance.pick(cluster.ids), chance.happens(0.3) ? drawChange(chance) : `r${++proposed}`)
    cluster.read(chance.pick(cluster.ids))
    join(cluster, chance)
  }
  settleMembership(cluster)
  const { current } = newest(cluster)
  if (mode === 'leader' && current.voters.length >= 3) changeLeaders(cluster)
  chooseAtOnce(cluster)
  chooseAlone(cluster, mode === 'leader' ? cluster.elect() : chance.pick(current.voters), 'the last')
  for (const a of cluster.ids)
    for (const b of cluster.ids) checkPrefixes(cluster.prefix(a), cluster.prefix(b))
}

/** A change of the membership, sensible or not. */
export function drawChange(chance: Chance): string {
  const id = () => `s${1 + chance.below(SERVERS)}`
  const kind = chance.next()
  if (kind < 0.3) return `add ${id()}`
  if (kind < 0.4) return `add ${id()} for ${id()}`
  if (kind < 0.45) return `learn ${id()}`
  return kind < 0.8 ? `promote ${id()}` : `remove ${id()}`
}

/** Now and then a server that is new gets a snapshot. */
export function join(cluster: Cluster, chance: Chance): void {
  const id = chance.pick(cluster.ids)
  if (!cluster.server(id).hasJoined && chance.happens(0.3)) cluster.join(id, chance.pick(cluster.ids))
}

/** Nothing goes wrong any more; who is not a member goes, and the last change takes force. */
export function settleMembership(cluster: Cluster): void {
  cluster.network.heal()
  for (const id of cluster.ids) if (!cluster.server(id).up) cluster.restart(id)
  for (let round = 0; round < MOST_ROUNDS; round++) {
    cluster.wait(QUIET_MS)
    const { servers, state } = newest(cluster)
    const [source = 0] = cluster.ids.filter((id) => watermark(cluster, id) === state.slot)
    const strangers = cluster.ids.filter((id) => !servers.includes(id))
    const newcomers = servers.filter((id) => !cluster.server(id).hasJoined)
    for (const id of newcomers) cluster.join(id, source)
    cluster.wait(QUIET_MS)
    const isAtRest = cluster.ids.every(
      (id) => watermark(cluster, id) === state.slot || strangers.includes(id),
    )
    if (!isAtRest || state.configurations.length > 1 || newcomers.length > 0) continue
    for (const id of strangers) cluster.retire(id)
    return
  }
  throw new InvariantError('a cluster whose members have changed does not come to rest')
}

function watermark(cluster: Cluster, id: ServerId): number {
  return cluster.server(id).hasJoined ? cluster.paxos(id).chosen : -1
}

/** As the server has it that knows most of what is chosen. */
export function newest(cluster: Cluster): MembershipView {
  const all = cluster.ids.filter((id) => cluster.server(id).hasJoined)
  return all.map((id) => cluster.paxos(id).membership).reduce((a, b) => (b.state.slot > a.state.slot ? b : a))
}
