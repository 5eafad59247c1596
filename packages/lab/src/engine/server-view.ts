import {
  type Ballot,
  type Cluster,
  type DescribeValue,
  type Paxos,
  type PaxosState,
  type ServerId,
  type Slot,
  decodeValue,
  describeRecord,
} from 'synod-testing/script'
import type { PictureRecord } from '../picture/picture.js'
import { depictRecord } from './depict.js'
import { roleOf } from './recorder.js'

/** What a server knows of a slot. */
export interface SlotView {
  readonly slot: Slot
  /** It has been dropped: a snapshot holds its effects. */
  readonly trimmed: boolean
  /** The promise for this slot alone, as leaderless mode has it. */
  readonly promised: Ballot | undefined
  readonly vote: { readonly ballot: Ballot; readonly value: string } | undefined
  readonly chosen: string | undefined
}

export interface JournalLine {
  readonly text: string
  readonly record: PictureRecord
  readonly durable: boolean
}

/** A vote that a promise has told of. */
export interface HeardVote {
  readonly slot: Slot
  readonly ballot: Ballot
  readonly value: string
  readonly chosen: boolean
}

/** Phase 1 of a leader or candidate: for all slots from `first` on. */
export interface PhaseOneView {
  readonly ballot: Ballot
  readonly first: Slot
  /** Who has promised, of those asked. */
  readonly promised: readonly ServerId[]
  readonly asked: readonly ServerId[]
  /** The vote at the highest ballot in each slot of which a promise told. */
  readonly votes: readonly HeardVote[]
}

/** Phase 2 of a leader: slots that are being voted on together. */
export interface FlightView {
  readonly first: Slot
  readonly values: readonly string[]
  readonly votes: readonly ServerId[]
}

/** A slot in which a leaderless server proposes. */
export interface InstanceView {
  readonly slot: Slot
  readonly step: 'prepare' | 'ready' | 'accept' | 'waiting'
  readonly ballot: Ballot
  readonly value: string
  readonly answered: readonly ServerId[]
}

/**
 * A server at one moment. Ballots that it has not are undefined. Times are those of the cluster, in
 * ms.
 */
export interface ServerView {
  readonly server: ServerId
  readonly process: 'up' | 'paused' | 'down'
  readonly disk: 'well' | 'stuck'
  readonly nowMs: number
  /** When it wants its timer to fire; undefined for never. */
  readonly timerMs: number | undefined
  readonly role: string
  readonly ballot: Ballot | undefined
  readonly leader: ServerId | undefined
  /** Its promise for all slots. */
  readonly promised: Ballot | undefined
  readonly chosen: Slot
  readonly voted: Slot
  readonly executed: Slot
  readonly trimmed: Slot
  readonly log: readonly SlotView[]
  readonly journal: readonly JournalLine[]
  readonly phaseOne: PhaseOneView | undefined
  readonly flights: readonly FlightView[]
  readonly instances: readonly InstanceView[]
}

/**
 * A server as it is now. What one that is down held in memory is gone: only its journal and its
 * snapshot are left.
 */
export function serverState(cluster: Cluster, id: ServerId): ServerView {
  const server = cluster.server(id)
  const { paxos, up, paused, deadlineMs } = server
  const describe: DescribeValue = decodeValue
  const status = paxos.status()
  const state = paxos.save()
  return {
    server: id,
    process: up ? (paused ? 'paused' : 'up') : 'down',
    disk: cluster.stuckDisks.has(id) ? 'stuck' : 'well',
    nowMs: cluster.nowMs,
    timerMs: up && deadlineMs < Infinity ? deadlineMs : undefined,
    role: up ? roleOf(status) : 'down',
    ballot: up ? known(status.ballot) : undefined,
    leader: up ? status.leader : undefined,
    promised: up ? known(state.acceptor.promised) : undefined,
    chosen: up ? status.chosen : 0,
    voted: up ? status.voted : 0,
    executed: up ? server.executed.length : server.snapshotted,
    trimmed: up ? state.log.trimmed : 0,
    log: up ? slots(paxos, describe) : [],
    journal: server.journal.map((record, position) => ({
      text: describeRecord(record, describe),
      record: depictRecord(record, describe),
      durable: position < server.durable,
    })),
    phaseOne: up ? phaseOne(state, describe) : undefined,
    flights: up ? flights(state, describe) : [],
    instances: up ? instances(state, describe) : [],
  }
}

function known(ballot: Ballot): Ballot | undefined {
  return ballot.seq === 0 ? undefined : ballot
}

function slots({ log }: Paxos, describe: DescribeValue): SlotView[] {
  const { trimmed, voted } = log.state
  const views: SlotView[] = []
  for (let slot = 1; slot <= voted || log.find(slot) !== undefined; slot++) {
    const { promised, ballot, value, chosen } = log.find(slot) ?? {}
    views.push({
      slot,
      trimmed: slot <= trimmed,
      promised: promised === undefined ? undefined : known(promised),
      vote: value === undefined || ballot === undefined ? undefined : { ballot, value: describe(value) },
      chosen: chosen === undefined ? undefined : describe(chosen),
    })
  }
  return views
}

function phaseOne({ leader: { role } }: PaxosState, describe: DescribeValue): PhaseOneView | undefined {
  if (role.name === 'follower') return undefined
  const { first, from, voters, votes } = role.phase1
  return {
    ballot: role.ballot,
    first,
    promised: from,
    asked: voters,
    votes: [...votes.values()].map((vote) => ({ ...vote, value: describe(vote.value) })),
  }
}

function flights({ leader: { role } }: PaxosState, describe: DescribeValue): FlightView[] {
  if (role.name !== 'leader') return []
  return [...role.flights.values()].map(({ first, values, votes }) => ({
    first,
    values: values.map(describe),
    votes,
  }))
}

function instances({ leaderless }: PaxosState, describe: DescribeValue): InstanceView[] {
  return [...leaderless.instances.values()].map(({ slot, step, ballot, value, answered }) => ({
    slot,
    step,
    ballot,
    value: describe(value),
    answered,
  }))
}
