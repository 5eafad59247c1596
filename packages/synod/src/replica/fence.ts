import { type Ballot, MAX_SERVER_ID } from '../paxos/ballot.js'

const SERVERS = MAX_SERVER_ID + 1

/**
 * A ballot as one integer. A server is below 2^16, so fences are in the order of their ballots.
 * They stay below 2^53 while seq is below 2^37: 4 years of one campaign a millisecond.
 */
export function fenceOf({ seq, server }: Ballot): number {
  const fence = seq * SERVERS + server
  if (!Number.isSafeInteger(fence)) throw new RangeError(`ballot ${seq} is too high for a fence`)
  return fence
}
