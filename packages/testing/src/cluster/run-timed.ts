import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Cluster, Transit } from './cluster.js'

/** How long a sync takes. */
const SYNC_MS = 1

/** How long a message takes, at the least and at the most. */
export type Latency = readonly [low: number, high: number]

export const LATENCY_MS: Latency = [1, 3]

/**
 * Lets everything run until `done` with messages and disks that take their time: so messages cross,
 * and proposers get in each other's way as they do on a real network. Fails after `limit_ms` of the
 * cluster's time.
 */
export function runTimed(
  cluster: Cluster,
  done: () => boolean,
  { latency_ms = LATENCY_MS, limit_ms = 60_000 } = {},
): void {
  const end_ms = cluster.now_ms + limit_ms
  const arrivals = new Map<Transit, number>()
  const syncs = new Map<ServerId, number>()
  while (!done()) {
    if (cluster.now_ms > end_ms) throw new Error(`not done within ${limit_ms} ms of simulated time`)
    for (const transit of cluster.network) {
      if (arrivals.has(transit)) continue
      arrivals.set(transit, cluster.now_ms + cluster.chance.between(...latency_ms))
    }
    for (const id of cluster.busyDisks()) if (!syncs.has(id)) syncs.set(id, cluster.now_ms + SYNC_MS)
    const [transit, arrival_ms] = earliest(arrivals)
    const [id, sync_ms] = earliest(syncs)
    const deadline_ms = cluster.nextDeadline_ms()
    if (transit !== undefined && arrival_ms <= Math.min(sync_ms, deadline_ms)) {
      cluster.now_ms = Math.max(cluster.now_ms, arrival_ms)
      arrivals.delete(transit)
      cluster.deliver(cluster.network.indexOf(transit))
    } else if (id !== undefined && sync_ms <= deadline_ms) {
      cluster.now_ms = Math.max(cluster.now_ms, sync_ms)
      syncs.delete(id)
      cluster.sync(id)
    } else {
      cluster.advance()
    }
  }
}

/** What is due first, and when; the one that came first of those due together. */
function earliest<T>(due: ReadonlyMap<T, number>): readonly [T | undefined, number] {
  let first: readonly [T | undefined, number] = [undefined, Infinity]
  for (const [what, at_ms] of due) if (at_ms < first[1]) first = [what, at_ms]
  return first
}
