import type { ServerId } from './ballot.js'

/** A set of servers, as bits: bit i stands for the i-th server of the cluster. */
export type ServerSet = number

export const NO_SERVERS: ServerSet = 0

/** More servers than this do not fit a ServerSet; clusters of more than seven are rarely wise. */
export const MAX_SERVERS = 31

/** The servers of a cluster and what counts as a quorum of them: a majority. */
export class Membership {
  readonly servers: readonly ServerId[]
  readonly quorumSize: number

  constructor(servers: readonly ServerId[]) {
    this.servers = servers
    this.quorumSize = Math.floor(servers.length / 2) + 1
  }

  has(server: ServerId): boolean {
    return this.servers.includes(server)
  }

  add(set: ServerSet, server: ServerId): ServerSet {
    const index = this.servers.indexOf(server)
    return index < 0 ? set : set | (1 << index)
  }

  contains(set: ServerSet, server: ServerId): boolean {
    return this.add(set, server) === set
  }

  isQuorum(set: ServerSet): boolean {
    let count = 0
    for (let rest = set; rest !== 0; rest &= rest - 1) count++
    return count >= this.quorumSize
  }
}
