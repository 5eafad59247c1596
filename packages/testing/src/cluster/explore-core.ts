import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Mode } from 'synod/internal/paxos/config.js'
import { checkPrefixes } from 'synod/internal/paxos/invariants.js'
import { Paxos } from 'synod/internal/paxos/paxos.js'
import { Chance } from '../chance.js'
import { drawLease } from '../draw-lease.js'
import { drawQuorums } from '../draw-quorums.js'
import { drawPreparedSlots } from '../draw-prepared-slots.js'
import { changeLeaders, chooseAlone, chooseAtOnce } from './calm.js'
import { Chaos, drawFaults } from './chaos.js'
import { Cluster, value } from './cluster.js'
import { readUnderLease } from './read-under-lease.js'

const EVENTS = 4000

/**
 * Values of which two do not fit into one message: views of one buffer, so that they cost nothing.
 */
const large = new Uint8Array(600_000)

/**
 * One run of the core alone: thousands of random events, messages lost, doubled and overtaken far
 * more than whole replicas see; then a healed cluster that must choose everything proposed, without
 * fuss. Reads must be fresh. Throws what was violated.
 */
export function exploreCore(mode: Mode, seed: number, servers: number): void {
  const chance = new Chance(seed)
  const electionTimeoutMs = chance.between(20, 200)
  const quorums = drawQuorums(servers, seed)
  const heartbeatMs = electionTimeoutMs / 5
  const lease = drawLease(mode, seed, servers, { electionTimeoutMs, heartbeatMs })
  const config = {
    electionTimeoutMs,
    heartbeatMs,
    leaseMs: lease?.leaseMs ?? 0,
    resendMs: chance.between(20, 250),
    preparedSlots: drawPreparedSlots(seed),
    window: Math.ceil(chance.next() ** 2 * 64),
  }
  const cluster = new Cluster({ mode, seed, servers, config, quorums })
  for (const id of cluster.ids) cluster.server(id).rate = lease?.rates[id - 1] ?? 1
  const trims = new Chance(seed ^ 0x7472696d)
  const chaos = new Chaos(cluster, drawFaults(chance, cluster.ids, trims), trims)
  const every = Math.ceil(chance.between(5, 50))
  const bulky = chance.happens(0.1)
  const values = (id: number) => (bulky ? large.subarray(id) : value(`r${id}`))
  const everywhere = chance.happens(0.3)
  let proposed = 0
  if (chance.happens(0.3)) chooseAlone(cluster, beginner(cluster), 'the first')
  for (let event = 0; event < EVENTS; event++) {
    chaos.event()
    if (event % every === 0) {
      const it = values(++proposed)
      for (const id of cluster.ids)
        if (everywhere || chance.happens(0.5)) cluster.propose(id, everywhere ? it : values(++proposed))
      cluster.read(chance.pick(cluster.ids))
    }
    if (lease !== undefined) readUnderLease(cluster)
    if (event % 500 === 0 && !bulky) saveAndLoad(cluster)
  }
  cluster.network.heal()
  for (const id of cluster.ids) if (!cluster.server(id).up) cluster.restart(id)
  if (mode === 'leader') changeLeaders(cluster)
  chooseAtOnce(cluster)
  chooseAlone(cluster, beginner(cluster), 'the last')
  for (const a of cluster.ids)
    for (const b of cluster.ids) checkPrefixes(cluster.prefix(a), cluster.prefix(b))
}

/** The servers that may propose at once: the leader, or all. */
function beginner(cluster: Cluster): ServerId {
  return cluster.mode === 'leader' ? cluster.elect() : cluster.chance.pick(cluster.ids)
}

/** A server that is saved and loaded goes on as if nothing had happened. */
function saveAndLoad(cluster: Cluster): void {
  for (const id of cluster.ids) {
    const server = cluster.server(id)
    server.paxos = Paxos.load(server.config, server.paxos.save())
  }
}
