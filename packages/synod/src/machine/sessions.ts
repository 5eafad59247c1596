import { MalformedError } from '../bytes/reader.js'
import { type Linked, LinkedList } from '../linked-list.js'
import { MAX_BATCHED_RESULT_BYTES, MAX_ERROR_TEXT_BYTES } from './contract.js'
import type { Outcome } from './outcome.js'
import { type ReceivedRequest, type RequestKey, SESSION_WINDOW } from './request.js'
import { SessionDecoder, type SessionState, encodeSessions } from './session-codec.js'
import type { SessionKey } from './session-key.js'
import { SnapshotMap } from './snapshot-map.js'

/**
 * More sessions than this are not kept: opening one then ends the one that has been idle the
 * longest.
 */
export const MAX_SESSIONS = 100_000

/**
 * The most bytes of outcomes. Above it the sessions idle for longest are ended, until a quarter of
 * it is free.
 */
export const MAX_OUTCOME_BYTES = 64 << 20
const KEPT_SHARE = 0.75

/**
 * What an outcome takes besides its result; that of one that failed is a message, which takes as
 * much as one can have.
 */
export const OUTCOME_BYTES = 256

/** A Uint8Array of this size at most has its bytes within its object. */
const SMALL_RESULT_BYTES = 64

/** The place of an outcome that is not there yet. */
const PLACE_BYTES = 8

/** What a command of a batch adds at most: its outcome, and the places before it. */
const BATCHED_COMMAND_BYTES = OUTCOME_BYTES + MAX_BATCHED_RESULT_BYTES + SESSION_WINDOW * PLACE_BYTES

/** An outcome that becomes known when the batch of its command is applied. */
export type PendingOutcome = { -readonly [Key in keyof Outcome]: Outcome[Key] }

interface Session extends SessionState, Linked<Session> {
  readonly key: SessionKey
  /** Results up to this sequence have reached the client, and are forgotten. */
  acknowledged: number
  /** The results of the requests above that, in order; undefined for those not executed yet. */
  readonly outcomes: (Outcome | undefined)[]
  /** What these take, by `sizeOf`. */
  bytes: number
  lastUse: number
  /**
   * Of the map, when it was put there: one that a snapshot may tell of is replaced rather than
   * changed.
   */
  readonly epoch: number
}

const NOTHING = new Uint8Array(0)
const EXPIRED: Outcome = { status: 'expired', result: NOTHING }
const AHEAD: Outcome = { status: 'ahead', result: NOTHING }

/**
 * The sessions of all clients, as part of the replicated state: all replicas agree which of two
 * equal requests is the first, and answer the second with its result. No clock is read: a session
 * ends when many others were used since, or their results take too much space.
 */
export class Sessions {
  readonly #sessions = new SnapshotMap<SessionKey, Session>()
  /** The same by their numbers, by which they are found faster. */
  readonly #byOpening = new Map<number, Session>()
  /**
   * The one that has been idle for the longest comes first: to find it must not take longer the
   * more there are.
   */
  readonly #byUse = new LinkedList<Session>()
  readonly #limit: number
  readonly #limitBytes: number
  /** Of all sessions. */
  #bytes = 0
  /**
   * How often sessions were used, ended ones included. A session is numbered by the use
   * that opened it.
   */
  #uses = 0

  constructor(limit = MAX_SESSIONS, limitBytes = MAX_OUTCOME_BYTES) {
    this.#limit = limit
    this.#limitBytes = limitBytes
  }

  get size(): number {
    return this.#sessions.size
  }

  /**
   * Opens the session of a key and returns its number, which no other opening has had. One that is
   * open stays as it is: it was opened by this request before. One that has ended begins anew, and
   * does not take the commands of the time before.
   */
  open(key: SessionKey): number {
    const open = this.#sessions.get(key)
    if (open !== undefined) return this.#use(open).opening
    const idlest = this.#byUse.first
    if (this.#sessions.size >= this.#limit && idlest !== undefined) this.#end(idlest)
    const opening = ++this.#uses
    const session = this.#new(key, { opening, lastUse: opening, acknowledged: 0 })
    this.#put(session)
    this.#byUse.append(session)
    return opening
  }

  /**
   * Executes a command unless this very request has been executed before. One that the client has
   * acknowledged counts as expired: the client has its answer, but a late copy of the request may
   * still be chosen.
   */
  execute(request: ReceivedRequest, run: (request: ReceivedRequest) => Outcome): Outcome {
    const found = this.#byOpening.get(request.opening)
    if (found === undefined || !request.isOf(found.key)) return EXPIRED
    const session = this.#use(found)
    this.#forget(session, request.acknowledged)
    const index = request.sequence - session.acknowledged - 1
    if (index < 0) return EXPIRED
    if (index >= SESSION_WINDOW) return AHEAD
    const before = session.outcomes[index]
    if (before !== undefined) return before
    const outcome = kept(run(request))
    for (; session.outcomes.length <= index; session.outcomes.push(undefined))
      this.#count(session, PLACE_BYTES)
    session.outcomes[index] = outcome
    this.#count(session, sizeOf(outcome) - PLACE_BYTES)
    if (this.#bytes > this.#limitBytes) this.#endUntilItFits()
    return outcome
  }

  /**
   * Whether this many commands end no session, even with the largest outcomes: then each of them is
   * executed, or not, before the outcomes are known.
   */
  hasCapacityFor(commands: number): boolean {
    return this.#bytes + commands * BATCHED_COMMAND_BYTES <= this.#limitBytes
  }

  /** Fills in the outcome that `execute` left open for this request. */
  settle({ sequence, session: key }: RequestKey, pending: PendingOutcome, outcome: Outcome): void {
    const before = sizeOf(pending)
    Object.assign(pending, kept(outcome))
    const session = this.#sessions.get(key)
    // A later command of the batch may have acknowledged it.
    if (session?.outcomes[sequence - session.acknowledged - 1] !== pending) return
    this.#count(session, sizeOf(pending) - before)
  }

  /** The sessions as of this call, in pieces that are made one by one. */
  snapshot(): Generator<Uint8Array, void, undefined> {
    return encodeSessions(this.#uses, this.#sessions.snapshot())
  }

  /**
   * Puts what a snapshot tells in the place of what is here, piece by piece. Both methods throw a
   * MalformedError.
   */
  restoration(): Pick<SessionDecoder, 'take' | 'end'> {
    this.#sessions.clear()
    this.#byOpening.clear()
    for (let { first } = this.#byUse; first !== undefined; { first } = this.#byUse) this.#byUse.remove(first)
    this.#bytes = 0
    this.#uses = -1
    let session: Session | undefined
    const decoder = new SessionDecoder({
      onUses: (uses) => {
        if (this.#uses >= 0) throw new MalformedError('the uses of the sessions twice')
        this.#uses = uses
      },
      onSession: (key, state) => {
        const { lastUse, opening } = state
        if (opening < 1 || opening > lastUse || lastUse > this.#uses)
          throw new MalformedError(`a session of the uses ${opening} to ${lastUse} out of ${this.#uses}`)
        if (this.#sessions.has(key) || this.#byOpening.has(opening))
          throw new MalformedError('a session twice')
        if (this.#sessions.size >= this.#limit) throw new MalformedError(`more than ${this.#limit} sessions`)
        session = this.#new(key, state)
        this.#put(session)
      },
      onOutcome: (outcome) => {
        if (session === undefined) throw new MalformedError('an outcome without a session')
        if (session.outcomes.length >= SESSION_WINDOW)
          throw new MalformedError('more outcomes than a session has')
        session.outcomes.push(outcome)
        this.#count(session, sizeOf(outcome))
      },
    })
    return {
      take: (bytes) => {
        decoder.take(bytes)
      },
      end: () => {
        decoder.end()
        if (this.#uses < 0) throw new MalformedError('sessions without the number of their uses')
        const byUse = [...this.#sessions.values()].sort((a, b) => a.lastUse - b.lastUse)
        for (const restored of byUse) this.#byUse.append(restored)
      },
    }
  }

  #new(key: SessionKey, state: Omit<SessionState, 'outcomes'>): Session {
    const { epoch } = this.#sessions
    return { key, ...state, epoch, outcomes: [], bytes: 0, before: undefined, after: undefined }
  }

  #put(session: Session): void {
    this.#sessions.set(session.key, session)
    this.#byOpening.set(session.opening, session)
  }

  /**
   * Counts a use. While a snapshot is being read, a session that it may tell of is copied before it
   * is changed.
   */
  #use(found: Session): Session {
    const { epoch, isViewed } = this.#sessions
    this.#byUse.remove(found)
    const isShared = isViewed && found.epoch !== epoch
    const session = isShared ? { ...found, outcomes: [...found.outcomes], epoch } : found
    if (isShared) this.#put(session)
    session.lastUse = ++this.#uses
    this.#byUse.append(session)
    return session
  }

  /** Ends idle sessions that have outcomes, possibly even the present one. */
  #endUntilItFits(): void {
    let session = this.#byUse.first
    while (session !== undefined && this.#bytes > KEPT_SHARE * this.#limitBytes) {
      const { after } = session
      if (session.bytes > 0) this.#end(session)
      session = after
    }
  }

  #end(session: Session): void {
    this.#bytes -= session.bytes
    this.#byUse.remove(session)
    this.#sessions.delete(session.key)
    this.#byOpening.delete(session.opening)
  }

  #forget(session: Session, acknowledged: number): void {
    // No request was executed that is more than a window ahead: there is nothing to forget beyond
    // it.
    const last = Math.min(acknowledged, session.acknowledged + SESSION_WINDOW)
    for (; session.acknowledged < last; session.acknowledged++)
      if (session.outcomes.length > 0) this.#count(session, -sizeOf(session.outcomes.shift()))
  }

  #count(session: Session, bytes: number): void {
    session.bytes += bytes
    this.#bytes += bytes
  }
}

/**
 * By this it is decided which sessions end, so it must be the same everywhere: of a message nothing
 * counts, its length neither.
 */
function sizeOf(outcome: Outcome | undefined): number {
  if (outcome === undefined) return PLACE_BYTES
  const { result, status } = outcome
  return OUTCOME_BYTES + (status === 'done' ? result.length : MAX_ERROR_TEXT_BYTES)
}

/**
 * What is kept for long must not hold the buffer that it was cut from. A small result stands within
 * its object, until it is asked for its buffer: then V8 gives it one.
 */
function kept(outcome: Outcome): Outcome {
  const { result, status } = outcome
  const isSmall = result.length > 0 && result.length <= SMALL_RESULT_BYTES
  const isWhole = !isSmall && result.buffer.byteLength === result.length
  return isWhole ? outcome : { status, result: new Uint8Array(result) }
}
