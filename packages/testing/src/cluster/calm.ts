import type { ServerId, Slot } from 'synod/internal/paxos/ballot.js'
import { InvariantError } from 'synod/internal/paxos/invariants.js'
import { type Value, sameValue } from 'synod/internal/paxos/value.js'
import { type Cluster, value } from './cluster.js'
import { LATENCY_MS, type Latency, runTimed } from './run-timed.js'

// What a cluster does when nothing goes wrong any more: the rules here are of liveness and of good
// manners. Their bounds are a little above the most that thousands of seeds have shown.

/** While something has been chosen within this time, what began before may still be under way. */
const QUIET_MS = 2000

/** A network slower than the one before: to go by how long things took then is to be too quick. */
const SLOW_MS: Latency = [30, 90]

/** How many rounds of ballots it may take, at most, until one of several candidates leads. */
const MOST_ROUNDS = 5

/**
 * The same where there are leases: who is bound to a leader that a candidate has just deposed
 * answers no other one until that is over, and more of them come in between.
 */
const MOST_ROUNDS_WITH_LEASES = 8

const ELECTIONS = 3

/** With no other proposals and nothing lost, a value is chosen in one slot, and takes no other. */
export function chooseAlone(cluster: Cluster, id: ServerId, text: string): void {
  const before = quietWatermark(cluster)
  cluster.propose(id, text)
  cluster.run(() => cluster.ids.every((other) => cluster.paxos(other).chosen > before))
  cluster.wait(cluster.server(id).config.resendMs)
  for (const other of cluster.ids) {
    const added = cluster.prefix(other).slice(before)
    const once = added.length === 1 && added.every((it) => sameValue(it, value(text)))
    require(once, `s${id} proposed one value alone, and s${other} has ${added.length} more`)
  }
}

/** Lets what is under way come to its end. Returns the chosen watermark. */
function quietWatermark(cluster: Cluster): Slot {
  for (;;) {
    const before = chosenWatermark(cluster)
    cluster.wait(QUIET_MS)
    if (chosenWatermark(cluster) === before) return before
  }
}

function chosenWatermark(cluster: Cluster): Slot {
  return Math.max(...cluster.ids.map((id) => cluster.paxos(id).chosen))
}

/** All propose at once: each value is chosen, and no server holds the others up for long. */
export function chooseAtOnce(cluster: Cluster): void {
  chooseEach(cluster, 3, LATENCY_MS)
  if (cluster.mode === 'leaderless') duelSlowly(cluster)
}

/** Each server backs off for longer when it is preempted again, so that a slot is soon decided. */
function duelSlowly(cluster: Cluster): void {
  const ballots = new Map<Slot, Set<string>>()
  const stop = cluster.observe({
    sent({ message }) {
      if (message.type !== 'prepare') return
      const { ballot, slot } = message
      let begun = ballots.get(slot)
      if (begun === undefined) ballots.set(slot, (begun = new Set()))
      begun.add(`${ballot.seq}.${ballot.server}`)
    },
  })
  chooseEach(cluster, 1, SLOW_MS)
  stop()
  const most = 2 * cluster.ids.length ** 2
  for (const [slot, { size }] of ballots) require(size <= most, `slot ${slot} took ${size} ballots`)
}

function chooseEach(cluster: Cluster, count: number, latencyMs: Latency): void {
  const before = chosenWatermark(cluster)
  const texts = cluster.ids.flatMap((id) =>
    Array.from({ length: count }, (_, index) => ({
      id,
      text: `at once, by s${id} after ${before}: ${index}`,
    })),
  )
  for (const { id, text } of texts) cluster.propose(id, text)
  const wanted = texts.map(({ text }) => value(text))
  runTimed(cluster, () => cluster.ids.every((id) => hasAll(cluster, id, before, wanted)), { latencyMs })
}

function hasAll(cluster: Cluster, id: ServerId, after: Slot, wanted: readonly Value[]): boolean {
  const added = cluster.prefix(id).slice(after)
  return added.length >= wanted.length && wanted.every((it) => added.some((one) => sameValue(one, it)))
}

/**
 * Leader mode. Of several candidates one soon leads. A leader proposes what it has taken, though
 * nothing follows. A server that is cut off does not depose a leader that a quorum hears; and a
 * leader that is cut off itself stops saying that it leads.
 */
export function changeLeaders(cluster: Cluster): void {
  electTimed(cluster)
  for (let election = 0; election < ELECTIONS; election++) {
    const leader = cluster.elect()
    cluster.kill(leader)
    cluster.restart(leader)
    electTimed(cluster)
  }
  const leader = cluster.elect()
  const before = chosenWatermark(cluster)
  const queued = ['queued 1', 'queued 2', 'queued 3']
  cluster.propose(leader, ...queued)
  cluster.run(() => hasAll(cluster, leader, before, queued.map(value)))
  // With other quorums one server may suffice where these need two, or the other way round.
  if (cluster.server(leader).config.membership.quorums === null) {
    cutFollowerOff(cluster, leader)
    cutLeaderOff(cluster, leader)
    leadBesideDeaf(cluster)
  }
  cluster.run(() => isSettled(cluster))
}

function electTimed(cluster: Cluster): void {
  const before = highestSeq(cluster)
  runTimed(cluster, () => isSettled(cluster))
  const rounds = highestSeq(cluster) - before
  const most = cluster.ids.some((id) => cluster.server(id).config.leaseMs > 0)
    ? MOST_ROUNDS_WITH_LEASES
    : MOST_ROUNDS
  require(rounds <= most, `it took ${rounds} rounds of ballots to elect a leader`)
}

function cutFollowerOff(cluster: Cluster, leader: ServerId): void {
  const { ballot } = cluster.paxos(leader).status()
  const [follower = leader] = cluster.others(leader)
  cluster.network.isolate(follower)
  cluster.wait(patienceMs(cluster, leader))
  cluster.network.heal()
  cluster.wait(patienceMs(cluster, leader))
  const after = cluster.paxos(leader).status()
  require(after.ballot.seq === ballot.seq, `s${follower}, which was cut off, deposed s${leader}`)
}

function cutLeaderOff(cluster: Cluster, leader: ServerId): void {
  cluster.network.isolate(leader)
  cluster.wait(patienceMs(cluster, leader))
  const { role } = cluster.paxos(leader).status()
  require(role !== 'leader', `s${leader} takes itself for the leader, though nobody hears it`)
  cluster.network.heal()
}

/**
 * A server that hears no other one, but is heard, does not keep the others from having a leader.
 */
function leadBesideDeaf(cluster: Cluster): void {
  const leader = cluster.elect()
  const [deaf = leader] = cluster.others(leader)
  for (const other of cluster.others(deaf)) cluster.network.cut.add(`${other}>${deaf}`)
  cluster.kill(leader)
  cluster.restart(leader)
  runTimed(cluster, () => cluster.others(deaf).some((id) => cluster.paxos(id).role === 'leader'))
  cluster.network.heal()
}

/** In this time everyone has missed whom it does not hear, and asked around. */
function patienceMs(cluster: Cluster, id: ServerId): number {
  return 4 * cluster.server(id).config.electionTimeoutMs
}

/** One leads, and all follow it. */
function isSettled(cluster: Cluster): boolean {
  const leader = cluster.leader()
  return leader !== undefined && cluster.ids.every((id) => cluster.paxos(id).leader === leader)
}

/** Of the ballots that any server has heard of: a campaign goes above all of them. */
function highestSeq(cluster: Cluster): number {
  return Math.max(
    ...cluster.ids.map((id) => {
      const { acceptor, leader } = cluster.paxos(id).save()
      return Math.max(acceptor.promised.seq, leader.seen.seq)
    }),
  )
}

function require(holds: boolean, message: string): void {
  if (!holds) throw new InvariantError(message)
}
