import { type Ballot, type ServerId, type Slot, ZERO_BALLOT } from 'synod/internal/paxos/ballot.js'
import type { PaxosConfig } from 'synod/internal/paxos/config.js'
import type { Envelope, Output } from 'synod/internal/paxos/effects.js'
import { type Input, Paxos } from 'synod/internal/paxos/paxos.js'
import { lastSlotOf } from 'synod/internal/journal/record-codec.js'
import type { JournalRecord } from 'synod/internal/paxos/records.js'
import { type MembershipState, foundingMembership } from 'synod/internal/paxos/membership.js'
import type { Proposal } from 'synod/internal/paxos/proposer.js'
import { type Value, sameValue } from 'synod/internal/paxos/value.js'
import { membershipAfter } from '../core-config.js'

/** The result of a step: its output, and the messages that may leave now. */
export interface StepResult {
  readonly output: Output
  readonly leaving: readonly Envelope[]
}

/** The slots up to which something had been executed anywhere, and been decided. */
interface ReadsFrom {
  readonly acknowledged: Slot
  readonly decided: Slot
}

/**
 * One server of the pure core with its disk: a journal, of which the last part may not be durable
 * yet.
 */
export class ClusterServer {
  readonly config: PaxosConfig
  paxos: Paxos
  up = true
  /** Its process stands still. */
  paused = false
  /** How fast its clock runs: 1 is right. */
  rate = 1
  /** Every record since the beginning; those from `durable` on would not survive a crash. */
  readonly journal: JournalRecord[] = []
  durable = 0
  /** When it wants a tick, by the cluster's clock. */
  deadlineMs = 0
  /** What a state machine on it would have executed. A crash leaves what is in the snapshot. */
  executed: Value[] = []
  /** How many of these values the snapshot holds. */
  snapshotted: Slot = 0
  /** The ballot of the leader that it has named last, in this life. */
  named: Ballot = ZERO_BALLOT
  /** The highest ballot that it has promised for all slots, or voted at, in this life. */
  bound: Ballot = ZERO_BALLOT
  /** By read, the slot that must be executed before it is answered. */
  readonly readable = new Map<number, Slot>()
  /** By read, what there was when it began. */
  readonly readsFrom = new Map<number, ReadsFrom>()
  /** Where the records of this life of the server start in the journal. */
  #start = 0
  #held: { readonly recordCount: number; readonly envelope: Envelope }[] = []

  /**
   * What clients wait for here, and how much of what was executed has been looked through for it.
   */
  unanswered: Proposal[] = []
  #answered: Slot = 0

  /**
   * It has a snapshot of another server, or founded the cluster; until then it does not know who is
   * a member.
   */
  hasJoined: boolean

  constructor(config: PaxosConfig, seed: number) {
    this.config = config
    this.hasJoined = config.membership.members.some(({ server }) => server === config.self)
    this.paxos = Paxos.recover(this.#recovered, [], seed, 0)
  }

  get #recovered(): PaxosConfig {
    const membership = this.hasJoined ? this.snapshottedMembership : foundingMembership([])
    return { ...this.config, membership }
  }

  get id(): ServerId {
    return this.config.self
  }

  /** The membership that the snapshot tells of. */
  get snapshottedMembership(): MembershipState {
    return membershipAfter(this.config, this.executed.slice(0, this.snapshotted))
  }

  /** What is chosen in this slot. Throws an Error if that is not known here. */
  value(slot: Slot): Value {
    const value = this.paxos.log.chosen(slot)
    if (value === undefined) throw new Error(`slot ${slot} is not chosen on s${this.id}`)
    return value
  }

  get isRunning(): boolean {
    return this.up && !this.paused
  }

  get isWriting(): boolean {
    return this.durable < this.journal.length
  }

  holdsLease(nowMs: number): boolean {
    return this.paxos.lease(this.clockMs(nowMs))?.held === true
  }

  /** What its own clock says. */
  clockMs(nowMs: number): number {
    return nowMs * this.rate
  }

  step(input: Input, nowMs: number): StepResult {
    const output = this.paxos.step(input, this.clockMs(nowMs))
    const { recordCount } = output
    this.journal.push(...output.records)
    const leaving: Envelope[] = []
    for (const envelope of output.messages) {
      const isHeld = envelope.afterDurable && this.#start + recordCount > this.durable
      if (isHeld) this.#held.push({ recordCount, envelope })
      else leaving.push(envelope)
    }
    for (const { id, slot } of output.reads) this.readable.set(id, slot)
    this.deadlineMs = output.deadlineMs / this.rate
    // Its clock must not be a rounding error short of what it wants then.
    if (this.clockMs(this.deadlineMs) < output.deadlineMs) this.deadlineMs *= 1 + Number.EPSILON
    return { output, leaving }
  }

  /**
   * The ids of those proposals that clients wait for and that have been executed now: they wait no
   * longer.
   */
  takeAnswered(): number[] {
    if (this.#answered === this.executed.length) return []
    const news = this.executed.slice(this.#answered)
    this.#answered = this.executed.length
    const isDone = ({ value }: Proposal) => news.some((it) => sameValue(it, value))
    const done = this.unanswered.filter(isDone)
    this.unanswered = this.unanswered.filter((proposal) => !done.includes(proposal))
    return done.map(({ id }) => id)
  }

  /**
   * The first `count` records that are not durable become so. Returns the messages that waited for
   * them.
   */
  write(count: number): Envelope[] {
    this.durable = Math.min(this.durable + count, this.journal.length)
    const isFree = ({ recordCount }: { recordCount: number }) => recordCount <= this.recordCount
    const free = this.#held.filter(isFree)
    this.#held = this.#held.filter((held) => !isFree(held))
    return free.map(({ envelope }) => envelope)
  }

  /** How many records of this life of the server are durable. */
  get recordCount(): number {
    return this.durable - this.#start
  }

  /** The process ends; what was not durable is lost. */
  crash(): void {
    this.up = false
    this.paused = false
    this.unanswered = []
    this.journal.length = this.durable
    this.#held = []
  }

  /** It comes back as a server that has never been there. It must be down. */
  loseDisk(): void {
    this.journal.length = this.durable = 0
    this.snapshotted = 0
    this.executed = []
    this.hasJoined = false
  }

  restart(seed: number, nowMs: number): void {
    this.up = true
    this.#start = this.journal.length
    this.paxos = Paxos.recover(this.#recovered, withoutTrimmed(this.journal), seed, this.clockMs(nowMs))
    this.deadlineMs = nowMs
    this.executed.length = this.snapshotted
    this.#answered = this.snapshotted
    this.named = ZERO_BALLOT
    this.bound = ZERO_BALLOT
  }
}

/**
 * What is sure to be left of a journal: all that its last trim makes needless is gone. So are the
 * promises from before that trim; it has written them anew.
 */
export function withoutTrimmed(records: readonly JournalRecord[]): JournalRecord[] {
  const at = records.findLastIndex((record) => record.type === 'trim')
  const trim = records[at]
  if (trim?.type !== 'trim') return [...records]
  const start = records.findLastIndex((record, index) => index < at && record.type !== 'promise') + 1
  return records.filter(
    (record, index) => index >= start || (record.type !== 'promise' && lastSlotOf(record) > trim.slot),
  )
}
