import { MalformedError, Reader } from '../bytes/reader.js'
import { Writer } from '../bytes/writer.js'
import { SynodError } from '../errors.js'
import type { Slot } from '../paxos/ballot.js'
import { type Request, SESSION_WINDOW, type SessionId } from './request.js'
import { SnapshotMap } from './snapshot-map.js'

/** More sessions than this are not kept: opening one then ends the one that has been idle the longest. */
export const MAX_SESSIONS = 100_000

/**
 * What came of a request.
 * - `done`: executed; `result` is what the state machine returned, encoded.
 * - `failed`: executed; `result` is the message of what the state machine threw, as UTF-8.
 * - `expired`: not executed, as the session is not known (any more), or has had its answer and said so.
 * - `ahead`: not executed, as it is too far ahead of the oldest unanswered request of its session.
 */
export interface Outcome {
  readonly status: 'done' | 'failed' | 'expired' | 'ahead'
  readonly result: Uint8Array
}

/** The error that an outcome other than `done` stands for. */
export function outcomeError({ status, result }: Outcome): SynodError {
  if (status === 'failed') return new SynodError('command-failed', Buffer.from(result).toString())
  return status === 'expired'
    ? new SynodError('session-expired', 'the session has ended: too many others were used since it was')
    : new SynodError('overloaded', 'too many requests of this session are unanswered')
}

interface Session {
  /** Results up to this sequence have reached the client, and are forgotten. */
  acknowledged: number
  /** The results of the requests above that, in order; undefined for those not executed yet. */
  readonly outcomes: (Outcome | undefined)[]
  lastSlot: Slot
  /** Of the map, when it was put there: one that a snapshot may tell of is replaced rather than changed. */
  readonly epoch: number
}

const NOTHING = new Uint8Array(0)
/** How outcomes stand in a snapshot; 0 for none yet. */
const STATUS_TAGS: Readonly<Record<Outcome['status'], number>> = { done: 1, failed: 2, expired: 3, ahead: 4 }
/** Much of what the sessions hold in a snapshot stands in pieces of about this size. */
const PIECE_BYTES = 1 << 16
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
  *snapshot(): Generator<Uint8Array, void, undefined> {
    const writer = new Writer(PIECE_BYTES)
    for (const [id, { acknowledged, lastSlot, outcomes }] of this.#sessions.snapshot()) {
      writer.varint(id)
      writer.varint(acknowledged)
      writer.varint(lastSlot)
      writer.varint(outcomes.length)
      for (const outcome of outcomes) {
        writer.u8(outcome === undefined ? 0 : STATUS_TAGS[outcome.status])
        if (outcome !== undefined) writer.bytes(outcome.result)
        if (writer.length >= PIECE_BYTES) yield* pieces(writer.take())
      }
    }
    if (writer.length > 0) yield* pieces(writer.take())
  }

  /** Puts what a snapshot told in the place of what is here. Throws a MalformedError. */
  restore(encoded: Uint8Array): void {
    this.#sessions.clear()
    const reader = new Reader(encoded)
    const { epoch } = this.#sessions
    while (reader.remaining > 0) {
      const id = reader.varint()
      const [acknowledged, lastSlot, count] = [reader.varint(), reader.varint(), reader.count()]
      const outcomes = Array.from({ length: count }, () => readOutcome(reader))
      this.#sessions.set(id, { acknowledged, outcomes, lastSlot, epoch })
    }
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

function* pieces(bytes: Buffer): Generator<Uint8Array, void, undefined> {
  for (let start = 0; start < bytes.length; start += PIECE_BYTES)
    yield bytes.subarray(start, start + PIECE_BYTES)
}

function readOutcome(reader: Reader): Outcome | undefined {
  const tag = reader.u8()
  if (tag === 0) return undefined
  for (const status of ['done', 'failed', 'expired', 'ahead'] as const) {
    if (STATUS_TAGS[status] === tag) return { status, result: Uint8Array.from(reader.bytes()) }
  }
  throw new MalformedError(`unknown outcome: ${tag}`)
}
