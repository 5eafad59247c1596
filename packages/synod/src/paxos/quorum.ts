import type { ServerId } from './ballot.js'

/** A set of servers, as bits: bit i stands for the i-th server of the cluster. */
export type ServerSet = number

export const NO_SERVERS: ServerSet = 0

/** More servers than this do not fit a ServerSet; clusters of more than seven are rarely wise. */
export const MAX_SERVERS = 31

/**
 * How many servers make a quorum, in each phase. Any quorum of phase 1 must share a server with any of phase 2, so that a
 * proposer hears of what may have been chosen; two quorums of the same phase need not meet. (Howard, Malkhi, Spiegelman:
 * Flexible Paxos, OPODIS 2016.)
 */
export interface Quorums {
  readonly phase1: number
  readonly phase2: number
}

export function majorities(servers: number): Quorums {
  const size = Math.floor(servers / 2) + 1
  return { phase1: size, phase2: size }
}

/** What is wrong with quorums of these sizes; undefined if nothing is. */
export function faultOfQuorums(servers: number, { phase1, phase2 }: Quorums): string | undefined {
  for (const size of [phase1, phase2]) {
    if (!Number.isInteger(size) || size < 1 || size > servers)
      return `a quorum has 1 to ${servers} servers, not ${size}`
  }
  if (phase1 + phase2 > servers) return undefined
  return `a quorum of ${phase1} servers and one of ${phase2} need not meet, where there are ${servers}`
}

/** The servers of a cluster, and what counts as a quorum of them. */
export class Membership {
  readonly servers: readonly ServerId[]
  readonly quorums: Quorums

  /** Throws a RangeError for quorums that need not meet. */
  constructor(servers: readonly ServerId[], quorums = majorities(servers.length)) {
    const fault = faultOfQuorums(servers.length, quorums)
    if (fault !== undefined) throw new RangeError(fault)
    this.servers = servers
    this.quorums = quorums
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

  /** The servers of a set. */
  members(set: ServerSet): ServerId[] {
    return this.servers.filter((server) => this.contains(set, server))
  }

  /** Enough to begin a ballot, or to know all that may have been chosen before. */
  isPhase1Quorum(set: ServerSet): boolean {
    return sizeOf(set) >= this.quorums.phase1
  }

  /** Enough for what they voted for to be chosen. */
  isPhase2Quorum(set: ServerSet): boolean {
    return sizeOf(set) >= this.quorums.phase2
  }
}

function sizeOf(set: ServerSet): number {
  let count = 0
  for (let rest = set; rest !== 0; rest &= rest - 1) count++
  return count
}
