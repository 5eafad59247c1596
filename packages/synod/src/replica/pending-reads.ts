import { SynodError } from '../errors.js'
import type { Linked } from '../linked-list.js'
import { errorText } from '../machine/contract.js'
import type { Turns } from '../net/transport/turns.js'
import type { Slot } from '../paxos/ballot.js'
import type { ReadableAt } from '../paxos/effects.js'
import { FairQueue } from './fair-queue.js'
import type { Inbox } from './inbox.js'
import { OWN_PROCESS, Capacity } from './capacity.js'

/** More bytes of queries do not wait here: further reads are refused as `overloaded`. */
export const MAX_QUERY_BYTES = 256 << 20

/** How many linearizable reads are answered before other work gets its turn. */
export const ANSWERS_AT_ONCE = 128

/** Gets the answer of a read, or the reason why there is none. */
export type OnAnswer<T = Uint8Array> = (answer: T | SynodError) => void

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
}

interface PendingRead extends Linked<PendingRead> {
  readonly sizeBytes: number
  /** Answers it. */
  readonly end: () => void
  readonly owner: object
  /**
   * What it waits for: a quorum, the slot that it must see executed, its turn, and then the reads
   * before it.
   */
  waitsFor: 'quorum' | 'slot' | 'turn' | 'answer' | 'nothing'
  /** Which slot that is, once a quorum has named it. */
  slot: Slot
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
  readonly #readable = new FairQueue<PendingRead>(({ sizeBytes }) => sizeBytes)
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

  /**
   * `done` is called once, in a later turn. Throws `overloaded`. Returns what gives up on the read.
   */
  linearizable<T>(query: Query<T>, done: OnAnswer<T>, owner = OWN_PROCESS): () => void {
    const read = this.#admit(query, done, owner)
    const group = (this.#new ??= { id: this.#nextId++, reads: new Set() })
    group.reads.add(read)
    return () => {
      if (this.#giveUp(read) || !group.reads.delete(read)) return
      this.#leave(read)
      // The core knows this group only once `takeNew` has named it.
      if (group.reads.size === 0 && this.#unconfirmed.delete(group.id))
        this.#parts.inbox.step({ type: 'withdraw-read', id: group.id })
    }
  }

  /**
   * `done` is called once, and at once if it can be. Throws `overloaded`. Returns what gives up on
   * the read.
   */
  stale<T>(query: Query<T>, atLeast: Slot, done: OnAnswer<T>, owner = OWN_PROCESS): () => void {
    if (atLeast <= this.#parts.executed()) {
      done(answerOf(query))
      return () => undefined
    }
    const read = this.#admit(query, done, owner)
    read.slot = atLeast
    this.#wait(read)
    return () => {
      this.#giveUp(read)
    }
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

  /** Returns a read that may wait. Throws `overloaded`. */
  #admit<T>(query: Query<T>, done: OnAnswer<T>, owner: object): PendingRead {
    const { sizeBytes } = query
    const nowMs = this.#parts.now()
    this.#capacity.check(owner, sizeBytes, nowMs)
    this.#capacity.enter(owner, sizeBytes, nowMs)
    const end = () => {
      done(answerOf(query))
    }
    return { sizeBytes, end, owner, waitsFor: 'quorum', slot: 0, before: undefined, after: undefined }
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

  /**
   * Gives up on a read that waits for its slot or its turn. False for one that waits for a quorum,
   * or is over.
   */
  #giveUp(read: PendingRead): boolean {
    if (read.waitsFor === 'quorum' || read.waitsFor === 'nothing') return false
    if (read.waitsFor === 'slot') this.#confirmed.delete(read)
    else if (read.waitsFor === 'turn') this.#readable.remove(read)
    this.#leave(read)
    return true
  }

  /** It waits no more. */
  #leave(read: PendingRead): void {
    read.waitsFor = 'nothing'
    this.#capacity.leave(read.owner, read.sizeBytes)
  }

  #end(read: PendingRead): void {
    this.#leave(read)
    this.#capacity.done(this.#parts.now())
    this.#parts.turns.spend(1)
    read.end()
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
