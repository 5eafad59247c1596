import { type Ballot, type ServerId, type Slot, ZERO_BALLOT, maxBallot } from 'synod/internal/paxos/ballot.js'
import { ClusterHistory, InvariantError } from 'synod/internal/paxos/invariants.js'
import { Paxos, type PaxosState } from 'synod/internal/paxos/paxos.js'
import type { JournalRecord } from 'synod/internal/paxos/records.js'
import { withoutTrimmed } from '../cluster/cluster-server.js'
import { structuralKey } from '../linearizability/structural-key.js'
import { type ModelConfig, paxosConfig, snapshotMembership } from './config.js'
import { Interned } from './interned.js'
import { NOW_MS, normalise } from './normalise.js'

/** The durable records of one server, up to what makes no difference. */
export interface ModelJournal {
  readonly number: number
  readonly server: ServerId
  /** One list for all journals that mean the same. */
  readonly records: readonly JournalRecord[]
  /** What the server is after a restart, or why it cannot be. */
  readonly recovered: PaxosState | Error
  /** The invariant that the records break. */
  readonly broken: string | undefined
}

/**
 * All journals that servers have had. Two are equal if the server restarts the same from both, and
 * they hold the same votes, replaced ones too, and the same highest promises: later records then
 * mean the same behind either, to a restart and to every check.
 */
export class Journals {
  readonly #config: ModelConfig
  readonly #journals = new Interned<ModelJournal>()
  readonly #appended = new Map<number, Interned<number>>()

  constructor(config: ModelConfig) {
    this.#config = config
  }

  get(number: number): ModelJournal {
    return this.#journals.get(number)
  }

  empty(server: ServerId): number {
    return this.#intern(server, [])
  }

  append(journal: number, record: JournalRecord): number {
    let appended = this.#appended.get(journal)
    if (appended === undefined) this.#appended.set(journal, (appended = new Interned()))
    const { server, records } = this.get(journal)
    return appended.get(
      appended.number(structuralKey(record), () => this.#intern(server, [...records, record])),
    )
  }

  #intern(server: ServerId, records: readonly JournalRecord[]): number {
    const recovered = this.#recover(server, records)
    const broken = this.#check(server, records)
    const isSound = !(recovered instanceof Error) && broken === undefined
    const key = isSound ? [recovered, ...facts(records)] : records
    return this.#journals.number(structuralKey([server, key]), (number) => ({
      number,
      server,
      records,
      recovered,
      broken,
    }))
  }

  /**
   * In leaderless mode the first tick is part of a restart, as it is due at once. All that it does
   * is to look how far the log goes; heartbeats apart, it sends nothing.
   */
  #recover(server: ServerId, records: readonly JournalRecord[]): PaxosState | Error {
    try {
      const trim = records.findLast((record) => record.type === 'trim')
      const config = paxosConfig(this.#config, server)
      const membership = trim === undefined ? config.membership : snapshotMembership(this.#config, trim.slot)
      const paxos = Paxos.recover({ ...config, membership }, withoutTrimmed(records), 0, NOW_MS)
      if (this.#config.mode === 'leaderless') paxos.step({ type: 'tick' }, NOW_MS)
      const state = paxos.save()
      normalise(state, this.#config, server)
      return state
    } catch (error) {
      if (error instanceof Error) return error
      throw error
    }
  }

  #check(server: ServerId, records: readonly JournalRecord[]): string | undefined {
    const history = new ClusterHistory(paxosConfig(this.#config, server))
    try {
      for (const record of records) history.durable(server, record)
      return undefined
    } catch (error) {
      if (error instanceof InvariantError) return error.message
      throw error
    }
  }
}

/** What a journal says of promises and votes: the highest promise for each slot, and all votes. */
function facts(records: readonly JournalRecord[]): [Map<Slot, Ballot>, Set<string>] {
  const promises = new Map<Slot, Ballot>()
  const votes = new Set<string>()
  for (const record of records) {
    if (record.type === 'promise') {
      promises.set(record.slot, maxBallot(promises.get(record.slot) ?? ZERO_BALLOT, record.ballot))
    } else if (record.type === 'vote') {
      for (const [offset, value] of record.values.entries()) {
        votes.add(structuralKey([record.first + offset, record.ballot, value]))
      }
    }
  }
  return [promises, votes]
}
