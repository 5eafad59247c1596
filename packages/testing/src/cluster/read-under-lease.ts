import type { ServerId } from 'synod/internal/paxos/ballot.js'
import type { Cluster } from './cluster.js'

/** The servers that hold a lease. */
export function holdersOf(cluster: Cluster): ServerId[] {
  return cluster.ids.filter((id) => {
    const server = cluster.server(id)
    return server.up && server.holdsLease(cluster.nowMs)
  })
}

/**
 * The holder of a lease is asked: it answers at once, and is judged by that. Returns how many hold
 * one.
 */
export function readUnderLease(cluster: Cluster): number {
  const holders = holdersOf(cluster)
  for (const id of holders) cluster.read(id)
  return holders.length
}
