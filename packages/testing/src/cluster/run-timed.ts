import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Cluster } from './cluster.js'
import type { Transit } from './observer.js'

/** How long a sync takes. */
const SYNC_MS = 1

/** How long a message takes, at the least and at the most. */
export type Latency = readonly [low: number, high: number]

export const LATENCY_MS: Latency = [1, 3]

/**
 * Lets everything run until `done` with messages and disks that take their time: so messages cross,
 * and proposers get in each other's way as they do on a real network. Fails after `limitMs` of the
 * cluster's time.
 */
export function runTimed(
  cluster: Cluster,
  done: () => boolean,
  { latencyMs = LATENCY_MS, limitMs = 60_000 } = {},
): void {
  const endMs = cluster.nowMs + limitMs
  const arrivals = new Map<Transit, number>()
  const syncs = new Map<ServerId, number>()
  while (!done()) {
    if (cluster.nowMs > endMs) throw new Error(`not done within ${limitMs} ms of simulated time`)
    for (const transit of cluster.network.transits) {
      if (arrivals.has(transit)) continue
      arrivals.set(transit, cluster.nowMs + cluster.chance.between(...latencyMs))
    }
    for (const id of cluster.busyDisks()) if (!syncs.has(id)) syncs.set(id, cluster.nowMs + SYNC_MS)
    const [transit, arrivalMs] = earliest(arrivals)
    const [id, syncMs] = earliest(syncs)
    const deadlineMs = cluster.nextDeadlineMs()
    if (transit !== undefined && arrivalMs <= Math.min(syncMs, deadlineMs)) {
      cluster.nowMs = Math.max(cluster.nowMs, arrivalMs)
      arrivals.delete(transit)
      cluster.deliver(cluster.network.transits.indexOf(transit))
    } else if (id !== undefined && syncMs <= deadlineMs) {
      cluster.nowMs = Math.max(cluster.nowMs, syncMs)
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
  for (const [what, atMs] of due) if (atMs < first[1]) first = [what, atMs]
  return first
}
