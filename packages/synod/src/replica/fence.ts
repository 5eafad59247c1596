import { type Ballot, MAX_SERVER_ID } from '../paxos/ballot.js'

const SERVERS = MAX_SERVER_ID + 1

/**
 * A ballot as one integer. A server is below 2^16, so fences are in the order of their ballots.
 * They are safe integers, as `seq` is at most `MAX_SEQ`.
 */
export function fenceOf({ seq, server }: Ballot): number {
  return seq * SERVERS + server
}
