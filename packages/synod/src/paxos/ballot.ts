/** A server of the cluster: a positive integer, printed as `s1`. */
export type ServerId = number

/** The highest id that a server can have. */
export const MAX_SERVER_ID = 65_535

/**
 * The highest `seq` of a ballot: with the server, of 16 bits, it fits one safe integer. It is
 * reached after 4 years of one campaign a millisecond.
 */
export const MAX_SEQ = 2 ** 37 - 1

/** An index into the log. The first slot is 1; 0 stands for "none yet". */
export type Slot = number

/**
 * A ballot is a pair (seq, server), ordered lexicographically: (1, s2) < (4, s1) and (1, s2) > (1,
 * s1). The server in it makes ballots of different servers distinct: each ballot has one proposer.
 */
export interface Ballot {
  readonly seq: number
  readonly server: ServerId
}

/** Below every ballot that a server can propose with. */
export const ZERO_BALLOT: Ballot = { seq: 0, server: 0 }

/** Negative, zero or positive as `a` is below, equal to or above `b`. */
export function compareBallots(a: Ballot, b: Ballot): number {
  return a.seq - b.seq || a.server - b.server
}

export function sameBallot(a: Ballot, b: Ballot): boolean {
  return a.seq === b.seq && a.server === b.server
}

export function maxBallot(a: Ballot, b: Ballot): Ballot {
  return compareBallots(a, b) >= 0 ? a : b
}

/** The lowest ballot of `server` that is above `other`. */
export function ballotAbove(other: Ballot, server: ServerId): Ballot {
  return { seq: other.seq + 1, server }
}

/** As it is printed everywhere: `(4, s1)`. */
export function formatBallot(ballot: Ballot): string {
  return `(${ballot.seq}, s${ballot.server})`
}
