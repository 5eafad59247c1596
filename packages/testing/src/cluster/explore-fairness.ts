import type { ServerId } from 'synod/internal/paxos/ballot.js'
import { InvariantError } from 'synod/internal/paxos/invariants.js'
import { type Value, sameValue } from 'synod/internal/paxos/value.js'
import { drawPreparedSlots } from '../draw-prepared-slots.js'
import { Cluster, value } from './cluster.js'
import { type Latency, runTimed } from './run-timed.js'

/** Far more than a server waits before it gives up: they preempt each other all the time. */
const SLOW_MS: Latency = [30, 90]

const WINDOW = 16

/** Twice the most that thousands of seeds have shown. */
const MOST_SLOTS = 80

const LIMIT_MS = 600_000

/**
 * Leaderless servers that propose one value after the other, on a slow network: the first value of
 * each is chosen before the others have had too many. Throws where a server starves.
 */
export function exploreFairness(seed: number, servers: number): void {
  const config = { preparedSlots: drawPreparedSlots(seed), window: WINDOW }
  const cluster = new Cluster({ mode: 'leaderless', seed, servers, config })
  const latest = new Map<ServerId, Value>()
  const propose = (id: ServerId): Value => {
    const next = value(`s${id} at ${cluster.nowMs}`)
    latest.set(id, next)
    cluster.propose(id, next)
    return next
  }
  const firsts = cluster.ids.map(propose)
  const [watched = 0] = cluster.ids
  let [slots, waiting] = [0, firsts.length]
  const isOver = () => {
    const prefix = cluster.prefix(watched)
    for (; slots < prefix.length; slots++) {
      for (const [id, own] of latest) {
        if (!sameValue(own, prefix[slots] ?? own)) continue
        if (firsts[id - 1] === own) waiting--
        propose(id)
      }
    }
    return waiting === 0 || slots > MOST_SLOTS
  }
  runTimed(cluster, isOver, { latencyMs: SLOW_MS, limitMs: LIMIT_MS })
  if (waiting > 0) throw new InvariantError(`${waiting} servers have no slot after ${slots}`)
}
