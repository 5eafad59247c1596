import { MalformedError } from '../bytes/reader.js'
import type { Slot } from '../paxos/ballot.js'
import type { Outcome } from './outcome.js'
import { type Request, SESSION_WINDOW, type SessionId } from './request.js'
import { SessionDecoder, type SessionState, encodeSessions } from './session-codec.js'
import { SnapshotMap } from './snapshot-map.js'

/** More sessions than this are not kept: opening one then ends the one that has been idle the longest. */
export const MAX_SESSIONS = 100_000

interface Session extends SessionState {
  /** Results up to this sequence have reached the client, and are forgotten. */
  acknowledged: number
  /** The results of the requests above that, in order; undefined for those not executed yet. */
  readonly outcomes: (Outcome | undefined)[]
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
 * first one's result. Nothing here depends on a clock: a session ends when too many others were used since.
 */
export class Sessions {
  readonly #sessions = new SnapshotMap<SessionId, Session>()
  readonly #limit: number

  constructor(limit = MAX_SESSIONS) {
    this.#limit = limit
  }

  get size(): number {
    return this.#sessions.size
  }

  open(slot: Slot): SessionId {
    if (this.#sessions.size >= this.#limit) this.#endIdlest()
    const { epoch } = this.#sessions
    this.#sessions.set(slot, { acknowledged: 0, outcomes: [], lastSlot: slot, epoch })
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
    forget(session, request.acknowledged)
    const index = request.sequence - session.acknowledged - 1
    if (index < 0) return EXPIRED
    if (index >= SESSION_WINDOW) return AHEAD
    const before = session.outcomes[index]
    if (before !== undefined) return before
    const outcome = run()
    while (session.outcomes.length < index) session.outcomes.push(undefined)
    session.outcomes[index] = outcome
    return outcome
  }

  /** The sessions as of this call, in pieces that are made one by one. */
  snapshot(): Generator<Uint8Array, void, undefined> {
    return encodeSessions(this.#sessions.snapshot())
  }

  /** Puts what a snapshot tells in the place of what is here, piece by piece. Both methods throw a MalformedError. */
  restoration(): SessionDecoder {
    this.#sessions.clear()
    const { epoch } = this.#sessions
    let outcomes: (Outcome | undefined)[] | undefined
    return new SessionDecoder({
      onSession: (id, acknowledged, lastSlot) => {
        if (this.#sessions.has(id)) throw new MalformedError(`session ${id} twice`)
        if (this.#sessions.size >= this.#limit) throw new MalformedError(`more than ${this.#limit} sessions`)
        outcomes = []
        this.#sessions.set(id, { acknowledged, outcomes, lastSlot, epoch })
      },
      onOutcome: (outcome) => {
        if (outcomes === undefined) throw new MalformedError('an outcome without a session')
        if (outcomes.length >= SESSION_WINDOW) throw new MalformedError('more outcomes than a session has')
        outcomes.push(outcome)
      },
    })
  }

  /** While a snapshot is being read, a session that it may tell of is copied before it is changed. */
  #toChange(id: SessionId): Session | undefined {
    const session = this.#sessions.get(id)
    if (session === undefined || !this.#sessions.isViewed || session.epoch === this.#sessions.epoch)
      return session
    const copy = { ...session, outcomes: [...session.outcomes], epoch: this.#sessions.epoch }
    this.#sessions.set(id, copy)
    return copy
  }

  #endIdlest(): void {
    let idlest: SessionId | undefined
    let lastSlot = Infinity
    for (const [id, session] of this.#sessions) {
      if (session.lastSlot >= lastSlot) continue
      lastSlot = session.lastSlot
      idlest = id
    }
    if (idlest !== undefined) this.#sessions.delete(idlest)
  }
}

function forget(session: Session, acknowledged: number): void {
  // No request was executed that is more than a window ahead: there is nothing to forget beyond it.
  const last = Math.min(acknowledged, session.acknowledged + SESSION_WINDOW)
  for (; session.acknowledged < last; session.acknowledged++) session.outcomes.shift()
}
