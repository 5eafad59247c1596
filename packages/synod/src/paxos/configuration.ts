import type { Slot } from './ballot.js'
import { type Quorums, faultOfQuorums, majorities } from './quorum.js'
import type { ServerSet } from './server-set.js'

/** Who decides the slots from `first` on, up to the next configuration. */
export interface Configuration {
  readonly first: Slot
  readonly voters: ServerSet
  readonly quorums: Quorums
}

/** With majorities, unless other quorums are given. Throws a RangeError for quorums that need not meet. */
export function configurationOf(
  first: Slot,
  voters: ServerSet,
  quorums: Quorums = majorities(voters.length),
): Configuration {
  const fault = faultOfQuorums(voters.length, quorums)
  if (fault !== undefined) throw new RangeError(fault)
  return { first, voters, quorums }
}

/** Enough to begin a ballot, or to know all that may have been chosen before. */
export function isPhase1Quorum(configuration: Configuration, set: ServerSet): boolean {
  return countVoters(configuration, set) >= configuration.quorums.phase1
}

/** Enough for what they voted for to be chosen. */
export function isPhase2Quorum(configuration: Configuration, set: ServerSet): boolean {
  return countVoters(configuration, set) >= configuration.quorums.phase2
}

/** Those of a set whose votes count. */
export function votersIn({ voters }: Configuration, set: ServerSet): ServerSet {
  return set.filter((server) => voters.includes(server))
}

function countVoters({ voters }: Configuration, set: ServerSet): number {
  let count = 0
  for (const server of set) if (voters.includes(server)) count++
  return count
}
