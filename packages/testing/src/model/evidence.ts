import { type Ballot, type ServerId, type Slot, formatBallot } from 'synod/internal/paxos/ballot.js'
import {
  type Watermarks,
  ClusterHistory,
  InvariantError,
  checkWatermarks,
  checkPrefixes,
} from 'synod/internal/paxos/invariants.js'
import { isPhase2Quorum } from 'synod/internal/paxos/configuration.js'
import { Membership } from 'synod/internal/paxos/membership.js'
import { NO_SERVERS, type ServerSet, withServer } from 'synod/internal/paxos/server-set.js'
import type { PaxosConfig } from 'synod/internal/paxos/config.js'
import type { JournalRecord } from 'synod/internal/paxos/records.js'
import type { Value } from 'synod/internal/paxos/value.js'
import { structuralKey } from '../linearizability/structural-key.js'
import { type ModelConfig, paxosConfig } from './config.js'
import { checkRecoveries } from './recovered.js'

/** All of a server that the invariants and the goals look at. */
export interface Evidence {
  readonly server: ServerId
  /**
   * Why the server could not go on: an error that the core has thrown, or durable records that
   * break an invariant.
   */
  readonly failure: string | undefined
  readonly records: readonly JournalRecord[]
  /** What the server takes to be chosen. */
  readonly chosen: ReadonlyMap<Slot, Value>
  readonly watermarks: Watermarks
  /** The ballot at which the server leads. */
  readonly leads: Ballot | undefined
  readonly hasRestarted: boolean
}

/** The durable votes for one value in a slot at one ballot. */
export interface Votes {
  readonly slot: Slot
  readonly ballot: Ballot
  readonly value: Value
  voters: ServerSet
}

/** All votes that are durable, or that have been before the server voted again. */
export function votesOf(cluster: readonly Evidence[]): Votes[] {
  const all = new Map<string, Votes>()
  for (const { server, records } of cluster) {
    for (const record of records) {
      if (record.type !== 'vote') continue
      for (const [offset, value] of record.values.entries()) {
        const slot = record.first + offset
        const key = structuralKey([slot, formatBallot(record.ballot), value])
        const votes = all.get(key) ?? { slot, ballot: record.ballot, value, voters: NO_SERVERS }
        votes.voters = withServer(votes.voters, server)
        all.set(key, votes)
      }
    }
  }
  return [...all.values()]
}

/**
 * What has been chosen in fact, by the durable votes of a quorum of the slot's configuration,
 * whether or not anyone knows: as far as the slots before it tell which one that is.
 */
function chosenInFact(cluster: readonly Evidence[], { changeOf, membership, window }: PaxosConfig): Votes[] {
  const passed = new Membership(structuredClone(membership), window)
  const chosen: Votes[] = []
  for (const [slot, votes] of bySlot(votesOf(cluster))) {
    if (slot > passed.state.slot + window) break
    const configuration = passed.at(slot)
    const here = votes.filter(({ voters }) => isPhase2Quorum(configuration, voters))
    chosen.push(...here)
    const [first] = here
    if (first !== undefined && slot === passed.state.slot + 1) passed.apply(slot, changeOf(first.value))
  }
  return chosen
}

/** In ascending order. */
function bySlot(all: readonly Votes[]): [Slot, Votes[]][] {
  const slots = new Map<Slot, Votes[]>()
  for (const votes of all) slots.set(votes.slot, [...(slots.get(votes.slot) ?? []), votes])
  return [...slots].sort(([a], [b]) => a - b)
}

/** Throws InvariantError if a state of the cluster breaks an invariant. */
export function checkCluster(cluster: readonly Evidence[], config: ModelConfig): void {
  const core = paxosConfig(config, 1)
  const history = new ClusterHistory(core)
  for (const { server, failure, records, watermarks } of cluster) {
    if (failure !== undefined) throw new InvariantError(failure)
    checkWatermarks(watermarks)
    for (const record of records) history.durable(server, record)
  }
  const inFact = chosenInFact(cluster, core)
  for (const { slot, value } of inFact) {
    for (const { server } of cluster) history.chosen(server, slot, value)
  }
  checkRecoveries(cluster, inFact)
  for (const { server, chosen } of cluster) {
    for (const [slot, value] of chosen) history.chosen(server, slot, value)
  }
  for (const [i, one] of cluster.entries()) {
    for (const other of cluster.slice(i + 1)) checkPrefixes(prefixOf(one), prefixOf(other))
  }
}

/**
 * Nothing, where the beginning has been dropped: what is known of each slot has been compared
 * before.
 */
function prefixOf({ chosen, watermarks }: Evidence): Value[] {
  if (watermarks.snapshotted > 0) return []
  return [...chosen].filter(([slot]) => slot <= watermarks.chosen).map(([, value]) => value)
}
