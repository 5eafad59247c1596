import type { Slot } from 'synod/internal/paxos/ballot.js'
import type { Output } from 'synod/internal/paxos/effects.js'
import { type Input, Paxos, type PaxosState } from 'synod/internal/paxos/paxos.js'
import type { JournalRecord } from 'synod/internal/paxos/records.js'
import { paxosConfig, snapshotMembership } from './config.js'
import { type Due, NOW_MS, normalise, setTimes } from './normalise.js'
import type { Held, ServerState, ServerStates, Usage } from './server-states.js'

/** Runs the core for one step. A test may put a mistake in here. */
export type StepFunction = (paxos: Paxos, input: Input, nowMs: number) => Output

export function stepCore(paxos: Paxos, input: Input, nowMs: number): Output {
  return paxos.step(input, nowMs)
}

/** One server taken out of its state, while something happens to it. */
export class RunningServer {
  readonly #states: ServerStates
  readonly #state: ServerState
  readonly #step: StepFunction
  readonly #paxos: Paxos
  #journal: number
  #pending: readonly JournalRecord[]
  #held: readonly Held[]
  /** How many records have become durable since. */
  #durable = 0
  readonly #sent = new Set<number>()
  /** The slot that a snapshot of a peer must reach; 0 where none is needed. */
  #catchUp: Slot = 0
  #usage: Usage
  #failure: string | undefined
  readonly #wrote: JournalRecord[] = []

  constructor(states: ServerStates, state: ServerState, step: StepFunction, due: Due) {
    this.#states = states
    this.#state = state
    this.#step = step
    let { saved } = state
    if (due !== 'nothing') {
      saved = structuredClone(saved)
      setTimes(saved, due)
    }
    this.#paxos = Paxos.load(paxosConfig(states.config, state.server), saved)
    this.#journal = state.journal
    this.#pending = state.pending
    this.#held = state.held
    this.#usage = state.usage
  }

  get role() {
    return this.#paxos.status().role
  }

  /** Whether a proposal stays here, to be voted on; a follower hands it on, or drops it. */
  get keepsProposals(): boolean {
    return this.role === 'leader' || this.role === 'proposer'
  }

  get pending(): readonly JournalRecord[] {
    return this.#pending
  }

  /** Nothing more happens after the core has thrown. */
  step(input: Input): void {
    if (this.#failure !== undefined) return
    let output: Output
    try {
      output = this.#step(this.#paxos, input, NOW_MS)
    } catch (error) {
      this.#failure = String(error)
      return
    }
    // A server that has dropped the slots has a snapshot that reaches so far, and sends it.
    if (output.behind !== undefined) this.#catchUp = output.behind.slot
    this.#pending = [...this.#pending, ...output.records]
    this.#wrote.push(...output.records)
    for (const { to, message, afterDurable } of output.messages) {
      if (message.type === 'prepare')
        this.#begin(message.scope === 'log' ? 0 : message.slot, message.ballot.seq)
      const number = this.#states.messages.send(this.#state.server, to, message)
      if (number === undefined) continue
      const position = output.recordCount - this.#durable
      if (!afterDurable || position <= 0) this.#sent.add(number)
      else if (!this.#held.some((held) => held.message === number)) {
        this.#held = [...this.#held, { position, message: number }]
      }
    }
  }

  /** A snapshot that it needs has arrived. */
  catchUp(): void {
    const slot = this.#catchUp
    if (slot === 0) return
    this.step({ type: 'trim', slot, membership: snapshotMembership(this.#states.config, slot) })
  }

  /** The first `count` pending records become durable. */
  sync(count: number): void {
    for (const record of this.#pending.slice(0, count)) {
      this.#journal = this.#states.journals.append(this.#journal, record)
    }
    this.#pending = this.#pending.slice(count)
    this.#durable += count
    for (const { position, message } of this.#held) if (position <= count) this.#sent.add(message)
    this.#held = this.#held
      .filter(({ position }) => position > count)
      .map(({ position, message }) => ({ position: position - count, message }))
    this.step({ type: 'durable', recordCount: this.#durable })
  }

  countTrim(): void {
    this.#usage = { ...this.#usage, trims: this.#usage.trims + 1 }
  }

  countProposal(): void {
    this.#usage = { ...this.#usage, proposals: this.#usage.proposals + 1 }
  }

  /** The state that the server is in now. */
  get state(): ServerState {
    const saved = this.#paxos.save()
    saved.recordCount -= this.#durable
    saved.durable = 0
    saved.ownAnswers = saved.ownAnswers.map(({ recordCount, message }) => ({
      recordCount: recordCount - this.#durable,
      message,
    }))
    normalise(saved, this.#states.config, this.#state.server)
    return this.#with(saved, this.#journal, this.#pending, this.#held)
  }

  /** The state after a crash that only the first `keeps` pending records survive, and a restart. */
  crashed(keeps: number): ServerState {
    const { journals } = this.#states
    const journal = this.#pending
      .slice(0, keeps)
      .reduce((before, record) => journals.append(before, record), this.#journal)
    const { recovered } = journals.get(journal)
    const { crashes } = this.#usage
    if (recovered instanceof Error) {
      return { ...this.#with(this.#state.saved, journal, [], []), failure: String(recovered) }
    }
    return { ...this.#with(recovered, journal, [], []), usage: { ...this.#usage, crashes: crashes + 1 } }
  }

  /** The records that it has written. */
  get wrote(): readonly JournalRecord[] {
    return [...this.#wrote]
  }

  /** The numbers of the messages that have left, in ascending order. */
  get sent(): number[] {
    return [...this.#sent].sort((a, b) => a - b)
  }

  #with(
    saved: PaxosState,
    journal: number,
    pending: readonly JournalRecord[],
    held: readonly Held[],
  ): ServerState {
    return {
      server: this.#state.server,
      saved,
      journal,
      pending,
      held,
      usage: this.#usage,
      failure: this.#failure,
    }
  }

  #begin(slot: Slot, seq: number): void {
    const { begun } = this.#usage
    const seqs = begun.get(slot) ?? new Set()
    if (!seqs.has(seq))
      this.#usage = { ...this.#usage, begun: new Map(begun).set(slot, new Set(seqs).add(seq)) }
  }
}
