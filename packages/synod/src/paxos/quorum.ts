/** The most servers of a cluster. More than seven are rarely wise. */
export const MAX_SERVERS = 31

/**
 * How many servers make a quorum, in each phase. Any quorum of phase 1 must share a server with any
 * of phase 2, so that a proposer hears of values that may be chosen. Quorums of the same phase need
 * not meet. (Howard et al.: Flexible Paxos, OPODIS 2016.)
 */
export interface Quorums {
  readonly phase1: number
  readonly phase2: number
}

export function majorities(servers: number): Quorums {
  const size = Math.floor(servers / 2) + 1
  return { phase1: size, phase2: size }
}

/** What is wrong with quorums of these sizes; undefined for valid ones. */
export function faultOfQuorums(servers: number, { phase1, phase2 }: Quorums): string | undefined {
  for (const size of [phase1, phase2]) {
    if (!Number.isInteger(size) || size < 1 || size > servers)
      return `a quorum has 1 to ${servers} servers, not ${size}`
  }
  if (phase1 + phase2 > servers) return undefined
  return `a quorum of ${phase1} servers and one of ${phase2} need not meet, where there are ${servers}`
}
