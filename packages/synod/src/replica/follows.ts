import type { Clock } from '../clock.js'
import { SynodError } from '../errors.js'
import { type Linked, LinkedList } from '../linked-list.js'
import { errorText } from '../machine/contract.js'
import type { Following } from '../machine/following.js'
import type { Turns } from '../net/transport/turns.js'
import { type Caller, OVER, type Operation } from './caller.js'
import { Capacity, OWN_PROCESS } from './capacity.js'
import { FairQueue } from './fair-queue.js'
import type { Inbox } from './inbox.js'

/** More queries than this do not wait for something to come at one replica. */
export const MAX_FOLLOWS = 65_536
/** Nor more bytes of them. */
export const MAX_FOLLOW_BYTES = 64 << 20

/** A query for which nothing has come is answered after this time: the replica is still there. */
export const IDLE_MS = 5000

/** How many are looked at before other work gets its turn. */
const LOOKS_AT_ONCE = 128

/** What is followed. */
export interface Followable<T> {
  readonly sizeBytes: number
  /** Begins to follow. Throws what the state machine throws. */
  begin(onReady: () => void): Following<T>
}

export interface FollowsParts {
  readonly clock: Clock
  /** The turns of the event loop, which answers share with what arrives. */
  readonly turns: Turns
  readonly inbox: Pick<Inbox, 'wake'>
}

/** A query that waits for what it asks about. */
class Follow<T = unknown> implements Operation, Linked<Follow> {
  readonly #follows: Follows
  readonly caller: Caller<T>
  readonly owner: object
  readonly sizeBytes: number
  readonly sinceMs: number
  following: Following<T> | undefined
  /** Whether it stands in the queue of what is to be looked at. */
  isQueued = false
  /** Nothing has come for a while: it is answered all the same. */
  isIdle = false
  isOver = false
  before: Follow | undefined = undefined
  after: Follow | undefined = undefined

  constructor(
    follows: Follows,
    { caller, owner, sinceMs, sizeBytes }: Pick<Follow<T>, 'caller' | 'owner' | 'sinceMs' | 'sizeBytes'>,
  ) {
    this.#follows = follows
    this.caller = caller
    this.owner = owner
    this.sinceMs = sinceMs
    this.sizeBytes = sizeBytes
  }

  giveUp(): void {
    this.#follows.giveUp(this)
  }
}

/** A place of a follow in the queue: the follow itself is in the list of all. */
interface Look extends Linked<Look> {
  readonly follow: Follow
  readonly owner: object
}

/**
 * Queries that wait at this replica until there is something to answer. Where there is for many,
 * clients take turns.
 */
export class Follows {
  readonly #parts: FollowsParts
  readonly #capacity = new Capacity('queries that follow', MAX_FOLLOWS, MAX_FOLLOW_BYTES)
  /** In the order in which they began, and so in that in which they become idle. */
  readonly #all = new LinkedList<Follow>()
  readonly #looks = new FairQueue<Look>(({ follow }) => follow.sizeBytes)
  #cancelTimer: (() => void) | undefined
  #isLater = false

  constructor(parts: FollowsParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#capacity.size
  }

  /** Throws `overloaded`; what the state machine throws goes to the caller. */
  begin<T>(what: Followable<T>, caller: Caller<T>, owner = OWN_PROCESS): Operation {
    const { clock } = this.#parts
    const { sizeBytes } = what
    const sinceMs = clock.now()
    this.#capacity.check(owner, sizeBytes, sinceMs)
    const follow = new Follow<T>(this, { caller, owner, sinceMs, sizeBytes })
    try {
      follow.following = what.begin(() => {
        this.#look(follow)
      })
    } catch (error) {
      caller.done(asError(error))
      return OVER
    }
    this.#capacity.enter(owner, sizeBytes, sinceMs)
    this.#all.append(follow)
    if (this.#cancelTimer === undefined) this.#wait(IDLE_MS)
    return follow
  }

  giveUp(follow: Follow): void {
    if (!follow.isOver) this.#end(follow)
  }

  /** Answers those for which something has come: as many as there is time for in this turn. */
  answerSome(): void {
    const { inbox, turns } = this.#parts
    if (this.#isLater) return
    const looks = turns.hasBudget ? this.#looks.take(LOOKS_AT_ONCE, Infinity) : []
    for (const { follow } of looks) {
      follow.isQueued = false
      turns.spend(1)
      if (!follow.isOver) this.#answerIfThere(follow)
    }
    if (this.#looks.isEmpty) return
    this.#isLater = true
    turns.later(() => {
      this.#isLater = false
      this.answerSome()
      inbox.wake()
    }, 'modest')
  }

  stop(): void {
    this.#cancelTimer?.()
    while (this.#all.first !== undefined) this.#end(this.#all.first)
  }

  #answerIfThere(follow: Follow): void {
    try {
      const taken = follow.following?.take()
      if (taken === 'later') this.#look(follow)
      else if (taken !== undefined) this.#answer(follow, taken.answer)
      else if (follow.isIdle) this.#answer(follow, follow.following?.idle())
    } catch (error) {
      this.#answer(follow, asError(error))
    }
  }

  #look(follow: Follow): void {
    if (follow.isQueued || follow.isOver) return
    follow.isQueued = true
    this.#looks.add({ follow, owner: follow.owner, before: undefined, after: undefined })
    this.#parts.inbox.wake()
  }

  #answer(follow: Follow, answer: unknown): void {
    this.#end(follow)
    this.#capacity.done(this.#parts.clock.now())
    follow.caller.done(answer)
  }

  #end(follow: Follow): void {
    follow.isOver = true
    this.#all.remove(follow)
    this.#capacity.leave(follow.owner, follow.sizeBytes)
    follow.following?.end()
  }

  #wait(delayMs: number): void {
    this.#cancelTimer = this.#parts.clock.timer(delayMs, () => {
      this.#cancelTimer = undefined
      this.#lookAtIdle()
    })
  }

  #lookAtIdle(): void {
    const nowMs = this.#parts.clock.now()
    let follow = this.#all.first
    for (; follow !== undefined && follow.sinceMs + IDLE_MS <= nowMs; follow = follow.after) {
      follow.isIdle = true
      this.#look(follow)
    }
    if (follow !== undefined) this.#wait(follow.sinceMs + IDLE_MS - nowMs)
  }
}

function asError(error: unknown): SynodError {
  return error instanceof SynodError
    ? error
    : new SynodError('command-failed', errorText(error), { cause: error })
}
