import type { ServerId, Slot } from 'synod/internal/paxos/ballot.js'
import { Log } from 'synod/internal/paxos/log.js'
import type { PaxosState } from 'synod/internal/paxos/paxos.js'
import type { JournalRecord } from 'synod/internal/paxos/records.js'
import type { Value } from 'synod/internal/paxos/value.js'
import { structuralKey } from '../linearizability/structural-key.js'
import type { ModelConfig } from './config.js'
import type { Evidence } from './evidence.js'
import { Interned } from './interned.js'
import { type ModelJournal, Journals } from './journals.js'
import { Messages } from './messages.js'

/** A message that waits for the first `position` of the pending records to become durable. */
export interface Held {
  readonly position: number
  /** The number of the message. */
  readonly message: number
}

/** How much a server has used up of what the configuration allows all servers together. */
export interface Usage {
  readonly crashes: number
  readonly proposals: number
  readonly trims: number
  /** By slot, the ballots that it has begun: slot 0 stands for every slot. */
  readonly begun: ReadonlyMap<Slot, ReadonlySet<number>>
}

/** One server with its disk. */
export interface ServerState {
  readonly server: ServerId
  /** The state of the core, normalised. Positions count from what is durable. */
  readonly saved: PaxosState
  /** The number of the journal. */
  readonly journal: number
  /** Records that are not yet durable. */
  readonly pending: readonly JournalRecord[]
  readonly held: readonly Held[]
  readonly usage: Usage
  /** What the core has thrown in the last step, if it has. It goes no further then. */
  readonly failure: string | undefined
}

/** A server state and what is asked of it often. */
export interface KnownState extends ServerState {
  readonly number: number
  readonly evidence: number
  /** The number of what the configuration counts: equal for equal amounts. */
  readonly amounts: number
}

/** All states that servers have been in. Equal states are one. */
export class ServerStates {
  readonly config: ModelConfig
  readonly messages: Messages
  readonly journals: Journals
  readonly #states = new Interned<KnownState>()
  readonly #evidence = new Interned<Evidence>()
  readonly #amounts = new Interned<readonly number[]>()

  constructor(config: ModelConfig) {
    this.config = config
    this.messages = new Messages(config)
    this.journals = new Journals(config)
  }

  get size(): number {
    return this.#states.size
  }

  get(number: number): KnownState {
    return this.#states.get(number)
  }

  evidence(number: number): Evidence {
    return this.#evidence.get(number)
  }

  /** How much is used up: crashes, proposals, and ballots from slot 0 on. */
  amounts(number: number): readonly number[] {
    return this.#amounts.get(number)
  }

  /** A new server. */
  start(server: ServerId): number {
    const journal = this.journals.empty(server)
    const { recovered } = this.journals.get(journal)
    if (recovered instanceof Error) throw recovered
    const usage = { crashes: 0, proposals: 0, trims: 0, begun: new Map() }
    return this.number({
      server,
      saved: recovered,
      journal,
      pending: [],
      held: [],
      usage,
      failure: undefined,
    })
  }

  number(state: ServerState): number {
    return this.#states.number(structuralKey(state), (number) => ({
      ...state,
      number,
      evidence: this.#evidenceOf(state),
      amounts: this.#amountsOf(state),
    }))
  }

  #amountsOf({ usage: { crashes, proposals, trims, begun } }: ServerState): number {
    const ballots = Array.from({ length: this.config.slots + 1 }, (_, slot) => begun.get(slot)?.size ?? 0)
    const amounts = [crashes, proposals, trims, ...ballots]
    return this.#amounts.number(amounts.join(), () => amounts)
  }

  #evidenceOf({ server, saved, journal, usage, failure }: ServerState): number {
    const { number, records, broken }: ModelJournal = this.journals.get(journal)
    const { role } = saved.leader
    const chosenWatermark = saved.learner.chosen
    const log = new Log(saved.log)
    const chosen = new Map<Slot, Value>()
    for (let slot = 1; slot <= log.state.voted; slot++) {
      const value = log.chosen(slot)
      if (value !== undefined) chosen.set(slot, value)
    }
    const evidence: Evidence = {
      server,
      failure: failure ?? broken,
      records,
      chosen,
      watermarks: {
        snapshotted: log.state.trimmed,
        executed: chosenWatermark,
        chosen: chosenWatermark,
        voted: log.state.voted,
      },
      leads: role.name === 'leader' ? role.ballot : undefined,
      hasRestarted: usage.crashes > 0,
    }
    return this.#evidence.number(structuralKey({ ...evidence, records: number }), () => evidence)
  }
}
