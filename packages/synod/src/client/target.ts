import type { LeaderHint } from '../net/client/messages.js'
import type { Mode } from '../paxos/config.js'
import { type Ballot, type ServerId, ZERO_BALLOT, compareBallots } from '../paxos/ballot.js'

/** What is known of a replica when it comes to whom to ask. */
export interface EndpointView {
  /** Null while it is not connected. */
  readonly welcome: { readonly mode: Mode; readonly server: ServerId } | null
  /** Who leads, as far as it has told. */
  readonly hint: LeaderHint | null
  readonly silence: { readonly isSilent: boolean }
}

/**
 * Whom to ask in leader mode; undefined where none has told of a leader. Of all hints the one with
 * the highest ballot holds: an older one may name a leader that was deposed. Where the leader is
 * silent or not connected, it is a replica that forwards to the leader.
 */
export function chooseTarget<Its extends EndpointView>(candidates: readonly Its[]): Its | undefined {
  const telling = candidates.filter(({ hint }) => hint !== null && hint.server !== 0)
  const best = highest(telling)
  const leader = candidates.find(({ welcome }) => welcome !== null && welcome.server === best?.hint?.server)
  if (leader?.silence.isSilent === false) return leader
  return highest(telling.filter(({ silence }) => !silence.isSilent)) ?? leader
}

/** The first candidate whose hint has the highest ballot. */
function highest<Its extends EndpointView>(telling: readonly Its[]): Its | undefined {
  let best: Its | undefined
  for (const each of telling) {
    if (best === undefined || compareBallots(ballotOf(each), ballotOf(best)) > 0) best = each
  }
  return best
}

function ballotOf({ hint }: EndpointView): Ballot {
  return hint?.ballot ?? ZERO_BALLOT
}
