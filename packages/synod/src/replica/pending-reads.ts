import { SynodError } from '../errors.js'
import type { Linked } from '../linked-list.js'
import { errorText } from '../machine/contract.js'
import type { Turns } from '../net/transport/turns.js'
import type { Slot } from '../paxos/ballot.js'
import type { ReadableAt } from '../paxos/effects.js'
import { FairQueue } from './fair-queue.js'
import type { Inbox } from './inbox.js'
import { type Caller, OVER, type Operation } from './caller.js'
import { OWN_PROCESS, Capacity } from './capacity.js'

/** More bytes of queries do not wait here: further reads are refused as `overloaded`. */
export const MAX_QUERY_BYTES = 256 << 20

/** How many linearizable reads are answered before other work gets its turn. */
export const ANSWERS_AT_ONCE = 128

/**
 * How many of one client are answered in its turn, if they are small: they leave in one write. With
 * two at a time a read cost twice as much.
 */
const ANSWERS_IN_TURN = 16

/** What is to be read. */
export interface Query<T> {
  /** What it takes while it waits. */
  readonly sizeBytes: number
  /** Answers from the state as it is. Throws what the state machine throws. */
  answer(): T
}

/** What the reads of a replica need of it. */
export interface PendingReadsParts {
  /** More reads than this do not wait here: further ones are refused as `overloaded`. */
  readonly limit: number
  readonly now: () => number
  /** The turns of the event loop, which answers share with what arrives. */
  readonly turns: Turns
  /** The executed watermark. */
  readonly executed: () => Slot
  readonly inbox: Pick<Inbox, 'step' | 'wake'>
  /** A linearizable read was answered, after so long. */
  readonly onAnswered: (tookMs: number) => void
}

/** A read that waits to be answered. */
class PendingRead<T = unknown> implements Operation, Linked<PendingRead> {
  readonly #reads: PendingReads
  readonly query: Query<T>
  readonly caller: Caller<T>
  readonly owner: object
  readonly arrivedMs: number
  /** Of a linearizable read: the reads for which a quorum is asked together. */
  readonly group: Group | undefined
  /**
   * What it waits for: a quorum, the slot that it must see executed, its turn, and then the reads
   * before it.
   */
  waitsFor: 'quorum' | 'slot' | 'turn' | 'answer' | 'nothing' = 'quorum'
  /** Which slot that is, once a quorum has named it. */
  slot: Slot = 0
  before: PendingRead | undefined = undefined
  after: PendingRead | undefined = undefined

  constructor(
    reads: PendingReads,
    query: Query<T>,
    { arrivedMs, caller, group, owner }: Pick<PendingRead<T>, 'arrivedMs' | 'caller' | 'group' | 'owner'>,
  ) {
    this.#reads = reads
    this.query = query
    this.caller = caller
    this.owner = owner
    this.arrivedMs = arrivedMs
    this.group = group
  }

  giveUp(): void {
    this.#reads.giveUp(this)
  }
}

/**
 * Linearizable reads that came in one turn: the core sees them as one read, so that thousands cost
 * as much as one.
 */
interface Group {
  readonly id: number
  readonly reads: Set<PendingRead>
}

/**
 * The reads that wait at this replica. The linearizable ones wait for a quorum to name the slot
 * that they must see executed, and then for that slot to be executed; the stale ones only for the
 * slot that they name themselves. Where many may be answered at once, clients take turns.
 */
export class PendingReads {
  readonly #parts: PendingReadsParts
  readonly #capacity: Capacity
  /** The group of this turn. */
  #new: Group | undefined
  readonly #unconfirmed = new Map<number, Group>()
  /** Reads that wait for their slot. */
  readonly #confirmed = new Set<PendingRead>()
  /** Reads that may be answered. */
  readonly #readable = new FairQueue<PendingRead>(({ query }) => query.sizeBytes, ANSWERS_IN_TURN)
  /** More of them will be answered in a later turn. */
  #isLater = false
  /** No confirmed read waits for a slot before this one. */
  #next: Slot = Infinity
  #nextId = 1

  constructor(parts: PendingReadsParts) {
    this.#parts = parts
    this.#capacity = new Capacity('reads', parts.limit, MAX_QUERY_BYTES)
  }

  get size(): number {
    return this.#capacity.size
  }

  /** The caller is told in a later turn. Throws `overloaded`. */
  linearizable<T>(query: Query<T>, caller: Caller<T>, owner = OWN_PROCESS): Operation {
    const nowMs = this.#admit(query, owner)
    const group = (this.#new ??= { id: this.#nextId++, reads: new Set() })
    const read = new PendingRead(this, query, { arrivedMs: nowMs, caller, group, owner })
    group.reads.add(read)
    return read
  }

  /** The caller is told at once if that can be. Throws `overloaded`. */
  stale<T>(query: Query<T>, atLeast: Slot, caller: Caller<T>, owner = OWN_PROCESS): Operation {
    if (atLeast <= this.#parts.executed()) {
      caller.done(answerOf(query))
      return OVER
    }
    const arrivedMs = this.#admit(query, owner)
    const read = new PendingRead(this, query, { arrivedMs, caller, group: undefined, owner })
    read.slot = atLeast
    this.#wait(read)
    return read
  }

  /** The caller of this read does not wait any more. */
  giveUp(read: PendingRead): void {
    const { group, waitsFor } = read
    if (waitsFor === 'nothing') return
    if (waitsFor === 'slot') this.#confirmed.delete(read)
    else if (waitsFor === 'turn') this.#readable.remove(read)
    else if (waitsFor === 'quorum') group?.reads.delete(read)
    this.#leave(read)
    // The core knows this group only once `takeNew` has named it.
    if (waitsFor === 'quorum' && group?.reads.size === 0 && this.#unconfirmed.delete(group.id))
      this.#parts.inbox.step({ type: 'withdraw-read', id: group.id })
  }

  /** What the core is to ask a quorum for, on behalf of the linearizable reads of this turn. */
  takeNew(): number | undefined {
    const group = this.#new
    this.#new = undefined
    if (group === undefined || group.reads.size === 0) return undefined
    this.#unconfirmed.set(group.id, group)
    return group.id
  }

  /** A quorum has answered. */
  confirm({ id, slot }: ReadableAt): void {
    const group = this.#unconfirmed.get(id)
    if (group === undefined) return
    this.#unconfirmed.delete(id)
    for (const read of group.reads) {
      read.slot = slot
      this.#isReadable(read)
    }
    group.reads.clear()
    this.#answerSome()
  }

  /** Further slots have been executed. */
  executed(): void {
    const executed = this.#parts.executed()
    if (executed < this.#next) return
    this.#next = Infinity
    for (const read of this.#confirmed) {
      if (read.slot > executed) {
        this.#next = Math.min(this.#next, read.slot)
      } else {
        this.#confirmed.delete(read)
        this.#isReadable(read)
      }
    }
    this.#answerSome()
  }

  /** As many as there is room for in this turn; more of them later. */
  #answerSome(): void {
    const { executed, turns } = this.#parts
    if (this.#isLater) return
    const reads = turns.hasBudget ? this.#readable.take(ANSWERS_AT_ONCE, Infinity) : []
    for (const read of reads) read.waitsFor = 'answer'
    for (const read of reads) {
      if (read.waitsFor !== 'answer') continue
      // By then the state may be one that must not be read.
      if (read.slot > executed()) this.#wait(read)
      else this.#end(read)
    }
    if (this.#readable.isEmpty) return
    this.#isLater = true
    turns.later(() => {
      this.#isLater = false
      this.#answerSome()
      // Something was answered in a turn that may have nothing else to do: what is said must leave.
      this.#parts.inbox.wake()
    }, 'modest')
  }

  /** One more read may wait. Throws `overloaded`. Returns the time. */
  #admit({ sizeBytes }: Query<unknown>, owner: object): number {
    const nowMs = this.#parts.now()
    this.#capacity.check(owner, sizeBytes, nowMs)
    this.#capacity.enter(owner, sizeBytes, nowMs)
    return nowMs
  }

  #wait(read: PendingRead): void {
    read.waitsFor = 'slot'
    this.#confirmed.add(read)
    this.#next = Math.min(this.#next, read.slot)
  }

  #isReadable(read: PendingRead): void {
    read.waitsFor = 'turn'
    this.#readable.add(read)
  }

  /** It waits no more. */
  #leave(read: PendingRead): void {
    read.waitsFor = 'nothing'
    this.#capacity.leave(read.owner, read.query.sizeBytes)
  }

  #end(read: PendingRead): void {
    const { now, onAnswered, turns } = this.#parts
    this.#leave(read)
    const nowMs = now()
    this.#capacity.done(nowMs)
    turns.spend(1)
    if (read.group !== undefined) onAnswered(nowMs - read.arrivedMs)
    read.caller.done(answerOf(read.query))
  }
}

function answerOf<T>(query: Query<T>): T | SynodError {
  try {
    return query.answer()
  } catch (error) {
    return error instanceof SynodError
      ? error
      : new SynodError('command-failed', errorText(error), { cause: error })
  }
}
