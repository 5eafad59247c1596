import { MalformedError } from '../bytes/reader.js'
import { type Linked, LinkedList } from '../linked-list.js'
import type { Slot } from '../paxos/ballot.js'
import { MAX_MESSAGE_BYTES } from './contract.js'
import type { Outcome } from './outcome.js'
import { type Request, SESSION_WINDOW, type SessionId } from './request.js'
import { SessionDecoder, type SessionState, encodeSessions } from './session-codec.js'
import { SnapshotMap } from './snapshot-map.js'

/** More sessions than this are not kept: opening one then ends the one that has been idle the longest. */
export const MAX_SESSIONS = 100_000

/**
 * Nor more bytes of outcomes than this: then those that have been idle the longest are ended, until a quarter of it is free.
 */
export const MAX_OUTCOME_BYTES = 64 << 20
const KEPT_SHARE = 0.75

/** What an outcome takes besides its result; that of one that failed is a message, which takes as much as one can have. */
export const OUTCOME_BYTES = 256

/** The place of an outcome that is not there yet. */
const PLACE_BYTES = 8

interface Session extends SessionState, Linked<Session> {
  readonly id: SessionId
  /** Results up to this sequence have reached the client, and are forgotten. */
  acknowledged: number
  /** The results of the requests above that, in order; undefined for those not executed yet. */
  readonly outcomes: (Outcome | undefined)[]
  /** What these take, by `sizeOf`. */
  bytes: number
  lastSlot: Slot
  /** Of the map, when it was put there: one that a snapshot may tell of is replaced rather than changed. */
  readonly epoch: number
}

const NOTHING = new Uint8Array(0)
const EXPIRED: Outcome = { status: 'expired', result: NOTHING }
const AHEAD: Outcome = { status: 'ahead', result: NOTHING }

/**
 * The sessions of all clients. They are part of the replicated state: every replica sees the same requests in
 * the same order, so all agree which of two equal requests is the first, and answer the second one with the
 * first one's result. Nothing here depends on a clock: a session ends when too many others were used since, or their results take too much room.
 */
export class Sessions {
  readonly #sessions = new SnapshotMap<SessionId, Session>()
  /** The one that has been idle for the longest comes first: to find it must not take longer the more there are. */
  readonly #byUse = new LinkedList<Session>()
  readonly #limit: number
  readonly #limit_bytes: number
  /** Of all sessions. */
  #bytes = 0

  constructor(limit = MAX_SESSIONS, limit_bytes = MAX_OUTCOME_BYTES) {
    this.#limit = limit
    this.#limit_bytes = limit_bytes
  }

  get size(): number {
    return this.#sessions.size
  }

  open(slot: Slot): SessionId {
    const idlest = this.#byUse.first
    if (this.#sessions.size >= this.#limit && idlest !== undefined) this.#end(idlest)
    const session = this.#new(slot, 0, slot)
    this.#sessions.set(slot, session)
    this.#byUse.append(session)
    return slot
  }

  /**
   * Executes a command unless this very request has been executed before. One that the client has acknowledged, so that its
   * result is forgotten, counts as expired: the client has its answer, but a replica may still keep the request.
   */
  execute(slot: Slot, request: Request, run: () => Outcome): Outcome {
    const session = this.#toChange(request.session)
    if (session === undefined) return EXPIRED
    session.lastSlot = slot
    this.#byUse.remove(session)
    this.#byUse.append(session)
    this.#forget(session, request.acknowledged)
    const index = request.sequence - session.acknowledged - 1
    if (index < 0) return EXPIRED
    if (index >= SESSION_WINDOW) return AHEAD
    const before = session.outcomes[index]
    if (before !== undefined) return before
    const outcome = kept(run())
    for (; session.outcomes.length <= index; session.outcomes.push(undefined))
      this.#count(session, PLACE_BYTES)
    session.outcomes[index] = outcome
    this.#count(session, sizeOf(outcome) - PLACE_BYTES)
    if (this.#bytes > this.#limit_bytes) this.#endUntilItFits()
    return outcome
  }

  /** The sessions as of this call, in pieces that are made one by one. */
  snapshot(): Generator<Uint8Array, void, undefined> {
    return encodeSessions(this.#sessions.snapshot())
  }

  /** Puts what a snapshot tells in the place of what is here, piece by piece. Both methods throw a MalformedError. */
  restoration(): Pick<SessionDecoder, 'take' | 'end'> {
    this.#sessions.clear()
    for (let { first } = this.#byUse; first !== undefined; { first } = this.#byUse) this.#byUse.remove(first)
    this.#bytes = 0
    let session: Session | undefined
    const decoder = new SessionDecoder({
      onSession: (id, acknowledged, lastSlot) => {
        if (this.#sessions.has(id)) throw new MalformedError(`session ${id} twice`)
        if (this.#sessions.size >= this.#limit) throw new MalformedError(`more than ${this.#limit} sessions`)
        session = this.#new(id, acknowledged, lastSlot)
        this.#sessions.set(id, session)
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
        const byUse = [...this.#sessions.values()].sort((a, b) => a.lastSlot - b.lastSlot)
        for (const restored of byUse) this.#byUse.append(restored)
      },
    }
  }

  #new(id: SessionId, acknowledged: number, lastSlot: Slot): Session {
    const { epoch } = this.#sessions
    return { id, acknowledged, lastSlot, epoch, outcomes: [], bytes: 0, before: undefined, after: undefined }
  }

  /** While a snapshot is being read, a session that it may tell of is copied before it is changed. */
  #toChange(id: SessionId): Session | undefined {
    const session = this.#sessions.get(id)
    if (session === undefined || !this.#sessions.isViewed || session.epoch === this.#sessions.epoch)
      return session
    this.#byUse.remove(session)
    const copy = { ...session, outcomes: [...session.outcomes], epoch: this.#sessions.epoch }
    this.#sessions.set(id, copy)
    this.#byUse.append(copy)
    return copy
  }

  /** Only those go that have outcomes; the last of them may be the one that has just come to have one. */
  #endUntilItFits(): void {
    let session = this.#byUse.first
    while (session !== undefined && this.#bytes > KEPT_SHARE * this.#limit_bytes) {
      const { after } = session
      if (session.bytes > 0) this.#end(session)
      session = after
    }
  }

  #end(session: Session): void {
    this.#bytes -= session.bytes
    this.#byUse.remove(session)
    this.#sessions.delete(session.id)
  }

  #forget(session: Session, acknowledged: number): void {
    // No request was executed that is more than a window ahead: there is nothing to forget beyond it.
    const last = Math.min(acknowledged, session.acknowledged + SESSION_WINDOW)
    for (; session.acknowledged < last; session.acknowledged++)
      if (session.outcomes.length > 0) this.#count(session, -sizeOf(session.outcomes.shift()))
  }

  #count(session: Session, bytes: number): void {
    session.bytes += bytes
    this.#bytes += bytes
  }
}

/** By this it is decided which sessions end, so it must be the same everywhere: of a message nothing counts, its length neither. */
function sizeOf(outcome: Outcome | undefined): number {
  if (outcome === undefined) return PLACE_BYTES
  const { result, status } = outcome
  return OUTCOME_BYTES + (status === 'done' ? result.length : MAX_MESSAGE_BYTES)
}

/** What is kept for long must not hold the buffer that it was cut from. */
function kept(outcome: Outcome): Outcome {
  const { result, status } = outcome
  return result.buffer.byteLength === result.length ? outcome : { status, result: new Uint8Array(result) }
}
