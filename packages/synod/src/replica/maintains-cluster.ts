import type { ServerId } from '../paxos/ballot.js'
import type { Paxos } from '../paxos/paxos.js'

/**
 * Whether this server proposes changes that no caller asks for: the leader, or in leaderless mode
 * every voter.
 */
export function maintainsCluster({ leader, role }: Pick<Paxos, 'leader' | 'role'>, self: ServerId): boolean {
  return leader === self || role === 'proposer'
}
