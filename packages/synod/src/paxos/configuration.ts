import type { Slot } from './ballot.js'
import { type Quorums, faultOfQuorums, majorities } from './quorum.js'
import type { ServerSet } from './server-set.js'

/** The servers that decide the slots from `first` on, up to the next configuration. */
export interface Configuration {
  readonly first: Slot
  readonly voters: ServerSet
  readonly quorums: Quorums
}

/** Quorums default to majorities. Throws a RangeError for quorums that need not meet. */
export function configurationOf(
  first: Slot,
  voters: ServerSet,
  quorums: Quorums = majorities(voters.length),
): Configuration {
  const fault = faultOfQuorums(voters.length, quorums)
  if (fault !== undefined) throw new RangeError(fault)
  return { first, voters, quorums }
}

/** Whether these servers know of all values that may have been chosen at lower ballots. */
export function isPhase1Quorum(configuration: Configuration, set: ServerSet): boolean {
  return countVoters(configuration, set) >= configuration.quorums.phase1
}

/** Whether a value is chosen that these servers voted for at one ballot. */
export function isPhase2Quorum(configuration: Configuration, set: ServerSet): boolean {
  return countVoters(configuration, set) >= configuration.quorums.phase2
}

/** The servers of a set whose votes count. */
export function votersIn({ voters }: Configuration, set: ServerSet): ServerSet {
  return set.filter((server) => voters.includes(server))
}

function countVoters({ voters }: Configuration, set: ServerSet): number {
  let count = 0
  for (const server of set) if (voters.includes(server)) count++
  return count
}
