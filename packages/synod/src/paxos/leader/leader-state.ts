import { type Ballot, type ServerId, type Slot, ZERO_BALLOT } from '../ballot.js'
import type { LeaseState } from './lease.js'
import type { ReportedVote } from '../messages.js'
import { NO_SERVERS, type ServerSet } from '../server-set.js'
import type { Value } from '../value.js'

/** Not yet a leader: who leads, and how long to wait before asking around. */
export interface Following {
  role: 'follower'
  /** The ballot of the leader that this server follows; zero when it knows of none. */
  ballot: Ballot
  heard_ms: number
  /** The leader's process is known to be gone. */
  gone: boolean
  /** It has not been heard from for too long. */
  missed: boolean
  /** How long it goes without hearing from the leader before it probes: drawn anew for each leader. */
  patience_ms: number
  /** When to probe. */
  until_ms: number
  /** It has put that off for one who probed: it does so once, as that one may hear nobody's answers. */
  yielded: boolean
  /** The probe under way: who misses the leader too. */
  probe: ServerSet
}

/** What phase 1 has come to. It goes on while its ballot leads, when others come to vote. */
export interface Promises {
  /** The first slot whose outcome this server did not know when it began. */
  readonly first: Slot
  /** Who has promised the ballot in all slots, and told of all votes that matter. */
  from: ServerSet
  /** Whose promises have been asked for: those who vote in any configuration known so far. */
  voters: ServerSet
  /** From which slot on a server has yet to tell of its votes; `first` where nothing is noted. */
  readonly next: Map<ServerId, Slot>
  /** The vote at the highest ballot in each slot that someone has told of. */
  readonly votes: Map<Slot, ReportedVote>
  /** Where there are leases: the ballot of the leader that told this server to take over. */
  readonly over?: Ballot
  resend_ms: number
}

/** Phase 1, for all slots at once. */
export interface Campaign {
  role: 'candidate'
  ballot: Ballot
  readonly promises: Promises
  until_ms: number
}

/** A 2a under way: consecutive slots that are voted on together. */
export interface Flight {
  readonly first: Slot
  readonly last: Slot
  readonly values: readonly Value[]
  votes: ServerSet
  sent_ms: number
}

/** Phase 2. */
export interface Leading {
  role: 'leader'
  ballot: Ballot
  promises: Promises
  /** The next slot that has never been proposed in at this ballot. */
  next: Slot
  /** The slots up to this one have to be decided, if nothing else with no-ops. */
  fill: Slot
  /** By first slot. None spans two configurations. */
  flights: Map<Slot, Flight>
  /** Proposals that wait for room in the window. */
  queue: Value[]
  /** When each peer last showed that it follows. */
  contact: Map<ServerId, number>
  /** The chosen bar of each of them, as it last said. */
  progress: Map<ServerId, Slot>
  round: number
  heartbeat_ms: number
  /** Null where there are no leases. */
  readonly lease: LeaseState | null
}

export interface LeaderState {
  phase: Following | Campaign | Leading
  /** No ballot above this one has been seen. */
  seen: Ballot
  /** Numbers probes and heartbeats. */
  round: number
  /** The disk has been at one write for too long: this server is no leader until that is done. */
  stuck: boolean
  /** Servers whose clocks have been seen to be too fast beside this one's, which leases do not bear. */
  unsound: ServerSet
}

/** It looks for a leader from `from_ms` on. */
export function emptyLeader(from_ms: number): LeaderState {
  return {
    phase: {
      role: 'follower',
      ballot: ZERO_BALLOT,
      heard_ms: -Infinity,
      gone: false,
      missed: true,
      yielded: false,
      patience_ms: 0,
      until_ms: from_ms,
      probe: NO_SERVERS,
    },
    seen: ZERO_BALLOT,
    round: 0,
    stuck: false,
    unsound: NO_SERVERS,
  }
}
