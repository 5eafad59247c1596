import { toKeep } from '../bytes/to-keep.js'
import { SynodError } from '../errors.js'
import { type Linked, LinkedList } from '../linked-list.js'
import type { Execution } from '../machine/executor.js'
import { type RequestKey, SESSION_WINDOW } from '../machine/request.js'
import type { SessionKey } from '../machine/session-key.js'
import type { Outcome } from '../machine/outcome.js'
import type { Value } from '../paxos/value.js'
import { OWN_PROCESS, Capacity } from './capacity.js'
import type { Caller, Operation } from './caller.js'
import { FairQueue } from './fair-queue.js'

/**
 * More requests than this do not wait here, or fewer where the replica is told so: further ones are
 * refused as `overloaded`.
 */
export const MAX_WAITING_REQUESTS = 65_536

/**
 * Nor more bytes of them: what one replica keeps of what it could do later must leave room for its
 * state.
 */
export const MAX_WAITING_BYTES = 256 << 20

/** Sessions of which nothing waits are remembered up to this number: most will be back at once. */
const MAX_IDLE_SESSIONS = 4096

/**
 * A forwarded request counts as lost after this many times the recent duration of requests, within
 * these bounds. Under load requests take long, and forwarding them again would only add to it.
 */
const LOST_AFTER = 4
const MIN_LOST_MS = 1000
const MAX_LOST_MS = 10_000
/** The weight of one request in the average duration. */
const SAMPLE_WEIGHT = 1 / 16

/** Requests that were proposed in one value. */
interface Together {
  readonly id: number
  /** How many of them still wait. */
  left: number
}

/** A request that waits to be executed. */
export class WaitingRequest implements RequestKey, Operation, Linked<WaitingRequest> {
  readonly session: SessionKey
  readonly sequence: number
  readonly sizeBytes: number
  /** On whose behalf: those of one owner are proposed in the order of arrival. */
  readonly owner: object
  readonly caller: Caller<Outcome>
  readonly arrivedMs: number
  /** Whether it was ever proposed: then it may be executed, even if its caller has given up. */
  wasProposed = false
  /** Whether it may have been executed in a slot that a snapshot took the place of. */
  wasSkipped = false
  proposedMs: number
  /** Whether it still waits. */
  waits = true
  /** Whether it has been proposed to the present leader. */
  isProposed = false
  /** What it was proposed in, where the core keeps that. */
  together: Together | undefined = undefined
  before: WaitingRequest | undefined = undefined
  after: WaitingRequest | undefined = undefined
  readonly #requests: WaitingRequests
  /** What it stands in, and where: what it came with, and later the batch that it was put into. */
  #bytes: Uint8Array
  #start = 0
  /** Whether these bytes are there for requests alone. */
  #isOwn = false

  constructor(
    requests: WaitingRequests,
    { sequence, session }: RequestKey,
    value: Value,
    { caller, nowMs, owner }: { caller: Caller<Outcome>; nowMs: number; owner: object },
  ) {
    this.#requests = requests
    this.session = session
    this.sequence = sequence
    this.sizeBytes = value.length
    this.#bytes = value
    this.caller = caller
    this.owner = owner
    this.arrivedMs = nowMs
    this.proposedMs = nowMs
  }

  get value(): Value {
    const { length } = this.#bytes
    return length === this.sizeBytes
      ? this.#bytes
      : this.#bytes.subarray(this.#start, this.#start + this.sizeBytes)
  }

  /** It stands in this batch too: what it came with need not be kept any longer. */
  standsIn(batch: Uint8Array, start: number): void {
    this.#bytes = batch
    this.#start = start
    this.#isOwn = true
  }

  /** It waits for longer than this turn. */
  keep(): void {
    if (!this.#isOwn) this.#bytes = toKeep(this.#bytes)
    this.#isOwn = true
  }

  giveUp(): void {
    this.#requests.cancel(this)
  }
}

/**
 * The requests that callers of this replica wait for, from their arrival until they are executed
 * here. A request that is chosen twice does no harm, as sessions execute it once: so a request that
 * may be lost is proposed again. One whose caller gives up before it was proposed is not proposed.
 */
export class WaitingRequests {
  readonly #capacity: Capacity
  /** Requests that have yet to be proposed. */
  readonly #queue = new FairQueue<WaitingRequest>(({ sizeBytes }) => sizeBytes)
  #queuedSinceMs = 0
  /** All others, in the order in which they were proposed. */
  readonly #proposed = new LinkedList<WaitingRequest>()
  /** Of each session in the order of arrival, which is nearly always the order of execution. */
  readonly #bySession = new Map<SessionKey, WaitingRequest[]>()
  /** What came in this turn. */
  #arrived: WaitingRequest[] = []
  readonly #onAbandoned: (id: number) => void
  #nextId = 1
  /** How long requests took lately, from their arrival to their execution: a running average. */
  #tookMs = 0

  /** `onAbandoned` is told the id of a proposal when none of its requests waits any more. */
  constructor(limit = MAX_WAITING_REQUESTS, onAbandoned: (id: number) => void = () => undefined) {
    this.#onAbandoned = onAbandoned
    this.#capacity = new Capacity('requests', limit, MAX_WAITING_BYTES)
  }

  get size(): number {
    return this.#capacity.size
  }

  /** Of the requests yet to be proposed: when the first came, and what they take. */
  get queued(): { readonly sinceMs: number; readonly sizeBytes: number } {
    return { sinceMs: this.#queuedSinceMs, sizeBytes: this.#queue.sizeBytes }
  }

  /** Whether all that waits has been proposed. */
  get isAllProposed(): boolean {
    return this.#queue.isEmpty
  }

  /**
   * The caller is told when it has been executed, unless it gives up before. Owners share the room,
   * and take turns. Throws `overloaded`.
   */
  submit(
    key: RequestKey,
    value: Value,
    nowMs: number,
    caller: Caller<Outcome>,
    owner = OWN_PROCESS,
  ): WaitingRequest {
    this.#capacity.check(owner, value.length, nowMs)
    const waiting = new WaitingRequest(this, key, value, { caller, nowMs, owner })
    const ofSession = this.#ofSession(key)
    if (ofSession.length >= SESSION_WINDOW)
      throw this.#capacity.overloaded(`${ofSession.length} requests of this session wait already`, nowMs)
    // A client that sends a request again has given up on the connection over which it sent it
    // before.
    const earlier = placeOf(key.sequence, ofSession)
    if (earlier >= 0) this.#remove(ofSession, earlier)
    ofSession.push(waiting)
    this.#arrived.push(waiting)
    this.#enqueue(waiting)
    this.#capacity.enter(owner, value.length, nowMs)
    return waiting
  }

  /** Its caller has given up. It may still be executed. */
  cancel(waiting: WaitingRequest): void {
    if (!waiting.waits) return
    const ofSession = this.#ofSession(waiting)
    this.#remove(ofSession, ofSession.indexOf(waiting))
  }

  /** Answers the caller of this request. Returns the request that waited, if any did. */
  executed({ request, outcome }: Execution, nowMs: number): WaitingRequest | undefined {
    const ofSession = this.#bySession.get(request.session)
    if (ofSession === undefined) return undefined
    const waiting = this.#remove(ofSession, placeOf(request.sequence, ofSession))
    if (waiting === undefined) return undefined
    this.#capacity.done(nowMs)
    this.#tookMs += SAMPLE_WEIGHT * (nowMs - waiting.arrivedMs - this.#tookMs)
    waiting.caller.done(waiting.wasSkipped && outcome.status === 'expired' ? outcomeUnknown() : outcome)
    return waiting
  }

  /** It waits no more. Returns it; undefined where there is none at this place of its session. */
  #remove(ofSession: WaitingRequest[], place: number): WaitingRequest | undefined {
    const waiting = ofSession[place]
    if (waiting === undefined) return undefined
    waiting.waits = false
    this.#leave(waiting)
    if (waiting.isProposed) this.#proposed.remove(waiting)
    else this.#queue.remove(waiting)
    this.#capacity.leave(waiting.owner, waiting.sizeBytes)
    if (place === 0) ofSession.shift()
    else ofSession.splice(place, 1)
    if (ofSession.length === 0 && this.#bySession.size > MAX_IDLE_SESSIONS)
      this.#bySession.delete(waiting.session)
    return waiting
  }

  /**
   * What is to be proposed next: at most `most` requests, until they have `mostBytes` bytes. A
   * request for which `check` throws is refused.
   */
  take(
    most: number,
    mostBytes: number,
    nowMs: number,
    check: (value: Value) => void = () => undefined,
  ): readonly WaitingRequest[] {
    const proposals: WaitingRequest[] = []
    for (const waiting of this.#queue.take(most, mostBytes)) {
      waiting.isProposed = true
      waiting.proposedMs = nowMs
      this.#proposed.append(waiting)
      if (this.#isRefused(waiting, check)) continue
      waiting.wasProposed = true
      proposals.push(waiting)
    }
    return proposals
  }

  #isRefused(waiting: WaitingRequest, check: (value: Value) => void): boolean {
    if (waiting.wasProposed) return false
    try {
      check(waiting.value)
      return false
    } catch (error) {
      this.cancel(waiting)
      waiting.caller.done(error as SynodError)
      return true
    }
  }

  /** The turn is over: what came with a frame is copied, so that it does not keep the frame. */
  turnEnded(): void {
    if (this.#arrived.length === 0) return
    for (const waiting of this.#arrived) if (waiting.waits) waiting.keep()
    this.#arrived = []
  }

  /** What was proposed before is lost: all that waits is to be proposed. */
  restart(): void {
    const queued = this.#queue.takeAll()
    for (let { first } = this.#proposed; first !== undefined; { first } = this.#proposed) {
      this.#proposed.remove(first)
      this.#leave(first)
      first.isProposed = false
      this.#enqueue(first)
    }
    for (const waiting of queued) this.#enqueue(waiting)
  }

  #enqueue(waiting: WaitingRequest): void {
    if (this.#queue.isEmpty) this.#queuedSinceMs = waiting.arrivedMs
    this.#queue.add(waiting)
  }

  /**
   * A snapshot took the place of slots that were not executed here. A proposed request may have
   * been executed there, so that its session has ended since proves nothing.
   */
  skipped(): void {
    for (const ofSession of this.#bySession.values())
      for (const waiting of ofSession) waiting.wasSkipped = waiting.wasProposed
  }

  /** What was handed on and is taken for lost, to be proposed again. */
  takeLost(nowMs: number): readonly WaitingRequest[] {
    const afterMs = Math.min(Math.max(LOST_AFTER * this.#tookMs, MIN_LOST_MS), MAX_LOST_MS)
    const proposals: WaitingRequest[] = []
    for (let waiting = this.#proposed.first; waiting !== undefined; waiting = waiting.after) {
      if (nowMs - waiting.proposedMs <= afterMs) continue
      waiting.proposedMs = nowMs
      proposals.push(waiting)
    }
    return proposals
  }

  /** These are proposed in one value. Returns the id of the proposal. */
  proposedTogether(requests: readonly WaitingRequest[]): number {
    const together: Together = { id: this.#nextId++, left: requests.length }
    for (const waiting of requests) waiting.together = together
    return together.id
  }

  #leave(waiting: WaitingRequest): void {
    const { together } = waiting
    if (together === undefined) return
    waiting.together = undefined
    if (--together.left === 0) this.#onAbandoned(together.id)
  }

  #ofSession({ session }: RequestKey): WaitingRequest[] {
    let ofSession = this.#bySession.get(session)
    if (ofSession === undefined) this.#bySession.set(session, (ofSession = []))
    return ofSession
  }
}

/** Where the request of this number stands among those of its session; -1 if it is not there. */
function placeOf(sequence: number, ofSession: readonly WaitingRequest[]): number {
  for (let place = 0; place < ofSession.length; place++)
    if (ofSession[place]?.sequence === sequence) return place
  return -1
}

function outcomeUnknown(): SynodError {
  return new SynodError('outcome-unknown', 'the session of the command has ended while this server caught up')
}
