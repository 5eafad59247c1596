import { compareBallots } from 'synod/internal/paxos/ballot.js'
import { isNoOp, sameValue } from 'synod/internal/paxos/value.js'
import { type Evidence, type Votes, votesOf } from './evidence.js'

type Reached = (cluster: readonly Evidence[]) => boolean

/** Whether two durable votes in one slot are so. */
function somePair(cluster: readonly Evidence[], holds: (one: Votes, other: Votes) => boolean): boolean {
  const votes = votesOf(cluster)
  return votes.some((one) => votes.some((other) => one.slot === other.slot && holds(one, other)))
}

/** States of a cluster that a search may look for, by name. */
export const GOALS = {
  /** A server leads. */
  leader: (cluster) => cluster.some(({ leads }) => leads !== undefined),
  /** A server leads above a ballot that another one has led at: there are votes there. */
  'second-leader': (cluster) =>
    cluster.some(
      ({ server, leads }) =>
        leads !== undefined &&
        votesOf(cluster).some(({ ballot }) => ballot.server !== server && compareBallots(ballot, leads) < 0),
    ),
  /** A server takes a value to be chosen. */
  chosen: (cluster) => cluster.some(({ chosen }) => [...chosen.values()].some((value) => !isNoOp(value))),
  /** A value has votes at ballots of two servers: the later one took it over. */
  adopted: (cluster) =>
    somePair(
      cluster,
      (one, other) =>
        one.ballot.server !== other.ballot.server && !isNoOp(one.value) && sameValue(one.value, other.value),
    ),
  /** There are votes for two values in one slot. */
  'split-vote': (cluster) => somePair(cluster, (one, other) => !sameValue(one.value, other.value)),
  /** A server takes a no-op to be chosen. */
  'hole-filled': (cluster) => cluster.some(({ chosen }) => [...chosen.values()].some(isNoOp)),
  /** Values are chosen in all slots that anyone has voted in, and every server knows them. */
  'learned-everywhere': (cluster) => {
    const voted = Math.max(...cluster.map(({ watermarks }) => watermarks.voted))
    return voted > 0 && cluster.every(({ watermarks }) => watermarks.chosen === voted)
  },
  /** A server has crashed and restarted. */
  restarted: (cluster) => cluster.some(({ hasRestarted }) => hasRestarted),
} satisfies Record<string, Reached>

export type Goal = keyof typeof GOALS

export const GOAL_NAMES = Object.keys(GOALS) as readonly Goal[]
