import { MIN_AVERAGE_MS } from '../average.js'
import type { Ballot, ServerId, Slot } from '../ballot.js'
import type { ReportedVote } from '../messages.js'
import type { ServerSet } from '../server-set.js'
import type { Value } from '../value.js'

/** A client's command on its way into the log. */
export interface Request {
  readonly id: number
  readonly value: Value
  /** The slot in which it is being proposed; 0 while it waits for one. */
  slot: Slot
  /** How many slots it has lost to others. */
  lost: number
  readonly arrived_ms: number
  /** No slot before this time, unless this server is the favourite. */
  readonly from_ms: number
}

/** Single-decree Paxos in one slot, run by this server. */
export interface Instance {
  readonly slot: Slot
  /** `waiting`: preempted, until its back-off is over. */
  step: 'prepare' | 'accept' | 'waiting'
  ballot: Ballot
  /** How often it was preempted here. */
  preemptions: number
  /** The highest ballot seen in this slot. */
  seen: Ballot
  /** The request that this server proposes here if it is free to; 0 for none. */
  request: number
  /** Who has answered in this phase. */
  answered: ServerSet
  /** The vote at the highest ballot that a promise has told of. */
  vote: ReportedVote | null
  /** When the phase began. */
  since_ms: number
  /** What it proposes in phase 2. */
  value: Value
  until_ms: number
}

export interface LeaderlessState {
  /** In order of arrival, by id. */
  requests: Map<number, Request>
  /** Those of them that have no slot. */
  waiting: Set<number>
  instances: Map<Slot, Instance>
  /** None of them has to be looked after before this time. */
  due_ms: number
  /** The id of the next request that a peer hands on. */
  nextForwarded: number
  /** How long requests took lately, from their arrival here to their execution: a running average. */
  request_ms: number
  /** The same of phases: from a question of this server to a quorum of answers. */
  phase_ms: number
  /** Whose proposal was chosen last; 0 while that is not known. */
  favourite: ServerId
  /** The highest slot that any server is known to have voted in. */
  voted: Slot
  /** The chosen bar when it was last seen to move, when that was, and when to fill the hole above it. */
  bar: Slot
  moved_ms: number
  hole_ms: number
  heartbeat_ms: number
  /** When each other server was last heard from, by its heartbeats, and the chosen bar that it told of. */
  heard: Map<ServerId, { at_ms: number; chosen: Slot }>
  /** Whether that was a quorum lately, at the last tick. */
  reachesQuorum: boolean
}

export function emptyLeaderless(now_ms: number): LeaderlessState {
  return {
    requests: new Map(),
    waiting: new Set(),
    instances: new Map(),
    due_ms: Infinity,
    nextForwarded: -1,
    request_ms: MIN_AVERAGE_MS,
    phase_ms: MIN_AVERAGE_MS,
    favourite: 0,
    voted: 0,
    bar: 0,
    moved_ms: -Infinity,
    hole_ms: now_ms,
    heartbeat_ms: now_ms,
    heard: new Map(),
    reachesQuorum: false,
  }
}
