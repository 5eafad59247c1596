import { describe, expect, test } from 'vitest'
import type { ServerId } from '../../src/paxos/ballot.js'
import { Cluster } from '../../../testing/src/cluster/cluster.js'
import { runTimed } from '../../../testing/src/cluster/run-timed.js'
import { LoneServer } from './lone-server.js'
import { forSeeds } from './replay.js'

const { electionTimeoutMs } = new LoneServer().config

const SERVERS: readonly ServerId[] = [1, 2, 3]
const DIRECTIONS = ['1>2', '2>1', '1>3', '3>1', '2>3', '3>2']

/** The servers that reach another one, and are reached by it: they have a quorum. */
function quorumUnder(cut: readonly string[]): ServerId[] {
  const areConnected = (a: ServerId, b: ServerId) => !cut.includes(`${a}>${b}`) && !cut.includes(`${b}>${a}`)
  return SERVERS.filter((a) => SERVERS.some((b) => a !== b && areConnected(a, b)))
}

/** Every way to cut links of three servers, each direction by itself, that leaves a quorum. */
const CUTS = Array.from({ length: 2 ** DIRECTIONS.length }, (_, bits) =>
  DIRECTIONS.filter((_, index) => ((bits >> index) & 1) === 1),
).filter((cut) => quorumUnder(cut).length > 0)

/** Returns the ballots at which a server led in this time. */
function watch(cluster: Cluster, timeMs: number): Set<string> {
  const endMs = cluster.nowMs + timeMs
  const led = new Set<string>()
  runTimed(cluster, () => {
    for (const id of cluster.ids) {
      const { ballot, role } = cluster.paxos(id).status()
      if (role === 'leader') led.add(`${ballot.seq}.${ballot.server}`)
    }
    return cluster.nowMs >= endMs
  })
  return led
}

function cutLinks(cut: readonly string[], leader: ServerId, seed: number): Cluster {
  const cluster = new Cluster({ seed })
  cluster.makeLeader(leader)
  for (const way of cut) cluster.network.cut.add(way)
  return cluster
}

/** A server has a command chosen. */
function chooseCommand(cluster: Cluster, able: readonly ServerId[], limitMs: number): void {
  const asked = new Set<ServerId>()
  runTimed(
    cluster,
    () => {
      for (const id of able) {
        if (cluster.leader() !== id || asked.has(id)) continue
        asked.add(id)
        cluster.propose(id, 'a')
      }
      return able.some((id) => cluster.paxos(id).chosen > 0)
    },
    { limitMs },
  )
}

describe.each(CUTS.map((cut) => [cut.join(' ') || 'none', cut] as const))(
  'with these links cut: %s',
  (_, cut) => {
    test.each(SERVERS)(
      'and s%i as the leader, a quorum chooses within three election timeouts, and then no leader is deposed',
      (leader) => {
        forSeeds(import.meta.url, 5, (seed) => {
          const cluster = cutLinks(cut, leader, seed)
          chooseCommand(cluster, quorumUnder(cut), 3 * electionTimeoutMs)
          expect([...watch(cluster, 20 * electionTimeoutMs)]).toHaveLength(1)
        })
      },
    )
  },
)

test('a leader that hears no server does not keep the servers that hear it from electing another one', () => {
  forSeeds(import.meta.url, 100, (seed) => {
    const cluster = cutLinks(['1>3', '2>3'], 3, seed)
    chooseCommand(cluster, [1, 2], 3 * electionTimeoutMs)
  })
})
