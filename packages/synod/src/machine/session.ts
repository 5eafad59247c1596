import { Reader } from '../bytes/reader.js'
import type { Call } from '../call.js'
import { type ErrorCode, SynodError, type PendingRequest } from '../errors.js'
import { SESSION_WINDOW, encodeOpen, encodeRequest } from './request.js'
import type { SessionKey } from './session-key.js'

/**
 * Sends an encoded request, as often as it takes, until `call` is over; gives it the encoded
 * result.
 */
export type Submit = (value: Uint8Array, call: Call<Uint8Array>) => void

/** The errors of a call whose time was up. */
const IN_DOUBT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['no-quorum', 'outcome-unknown', 'unreachable'])

/** A command and the version of the state machine from which on it is known. */
export interface VersionedCommand {
  readonly command: Uint8Array
  readonly version: number
}

interface Waiting extends VersionedCommand {
  readonly call: Call<Uint8Array>
}

/** One session's numbers: which requests are still unanswered. */
interface Numbering {
  readonly session: SessionKey
  readonly opening: number
  next: number
  acknowledged: number
  /** Those above `acknowledged`. */
  readonly answered: Set<number>
  /** Requests that a caller has given up on and may resume: they are not acknowledged. */
  readonly resumable: Set<number>
}

/** A request that a caller may resume. */
interface Resumable extends VersionedCommand {
  readonly numbering: Numbering
  readonly sequence: number
}

/**
 * The client's half of a session: opens it when it is first needed, numbers the requests, and lets
 * the replicas know which results they may forget. Requests that are under way at the same time may
 * be executed in any order, each of them once.
 */
export class Session {
  readonly #submit: Submit
  readonly #newKey: () => SessionKey
  readonly #openCall: () => Call<Uint8Array>
  /**
   * Of the session that is open, or is to be opened: an opening that is tried again opens the same
   * session.
   */
  #key: SessionKey
  #numbering: Numbering | undefined
  #isOpening = false
  /**
   * Commands that wait for the session to be open, or for room in its window. A command whose call
   * is over has left.
   */
  readonly #waiting = new Set<Waiting>()
  /** By `error.request`: an entry is forgotten when the caller has dropped the error. */
  readonly #resumable = new WeakMap<PendingRequest, Resumable>()
  #isSending = false

  /** `openCall` makes the call in which the session is opened. */
  constructor(submit: Submit, newKey: () => SessionKey, openCall: () => Call<Uint8Array>) {
    this.#submit = submit
    this.#newKey = newKey
    this.#key = newKey()
    this.#openCall = openCall
  }

  /** Whether a command would be sent as soon as the session is open. */
  get hasCapacity(): boolean {
    if (this.#numbering === undefined) return this.#waiting.size < SESSION_WINDOW
    const { acknowledged, resumable } = this.#numbering
    return this.#waiting.size < capacityOf(this.#numbering) || resumable.has(acknowledged + 1)
  }

  execute({ command, version }: VersionedCommand, call: Call<Uint8Array>): void {
    if (call.over) return
    const numbering = this.#waiting.size === 0 ? this.#open() : undefined
    if (numbering !== undefined) {
      this.#send(numbering, { command, version, call })
      return
    }
    const waiting = { command, version, call }
    this.#waiting.add(waiting)
    call.onOver(() => this.#waiting.delete(waiting))
  }

  /**
   * Sends a request again, under its number: it is executed once. Returns false if the request is
   * not of this session.
   */
  resume(request: PendingRequest, command: Uint8Array, call: Call<Uint8Array>): boolean {
    const resumable = this.#resumable.get(request)
    if (resumable === undefined) return false
    if (call.over) return true
    const { numbering, sequence } = resumable
    if (!Buffer.from(resumable.command).equals(command))
      call.reject(new SynodError('invalid-options', 'resume must be given the command of that request'))
    else if (numbering !== this.#numbering || !numbering.resumable.delete(sequence))
      call.reject(cannotBeResumed())
    else this.#submitNumbered(resumable, call)
    return true
  }

  #send(numbering: Numbering, { call, command, version }: Waiting): void {
    const resumable = { numbering, sequence: numbering.next++, command, version }
    this.#submitNumbered(resumable, call)
  }

  #submitNumbered(resumable: Resumable, call: Call<Uint8Array>): void {
    const { command, numbering, sequence, version } = resumable
    const { acknowledged, opening, session } = numbering
    call.isResumable = true
    call.onOver((error) => {
      if (error instanceof SynodError && error.request !== undefined) {
        this.#resumable.set(error.request, resumable)
        numbering.resumable.add(sequence)
        this.#sendWaiting()
      } else this.#over(numbering, sequence, error)
    })
    this.#submit(
      encodeRequest({
        kind: 'command',
        timeMs: 0,
        session,
        opening,
        sequence,
        acknowledged,
        version,
        command,
      }),
      call,
    )
  }

  /** The numbers of the session if it is open and has room. */
  #open(): Numbering | undefined {
    if (this.#numbering === undefined) this.#beginOpening()
    else if (this.#hasNext(this.#numbering)) return this.#numbering
    return undefined
  }

  /** The oldest requests that may be resumed are given up where the window is full otherwise. */
  #hasNext(numbering: Numbering): boolean {
    while (capacityOf(numbering) === 0 && numbering.resumable.delete(numbering.acknowledged + 1))
      acknowledge(numbering, numbering.acknowledged + 1)
    return capacityOf(numbering) > 0
  }

  #beginOpening(): void {
    if (this.#isOpening) return
    this.#isOpening = true
    const session = this.#key
    const call = this.#openCall()
    call.promise.then(
      (result) => {
        const opening = new Reader(result).varint()
        this.#numbering = {
          session,
          opening,
          next: 1,
          acknowledged: 0,
          ...{ answered: new Set(), resumable: new Set() },
        }
        this.#isOpening = false
        this.#sendWaiting()
      },
      (error: unknown) => {
        this.#isOpening = false
        // Who still waits has more time than it took to find that out.
        if (error instanceof SynodError && IN_DOUBT.has(error.code)) this.#sendWaiting()
        else for (const { call } of this.#waiting) call.reject(error as Error)
      },
    )
    this.#submit(encodeOpen(session), call)
  }

  /** Answered or given up on, its result is not needed any more. */
  #over(numbering: Numbering, sequence: number, error: Error | undefined): void {
    acknowledge(numbering, sequence)
    const expired = error instanceof SynodError && error.code === 'session-expired'
    if (expired && numbering === this.#numbering) {
      this.#numbering = undefined
      this.#key = this.#newKey()
    }
    this.#sendWaiting()
  }

  /** What is refused at once makes room for the next one while it is being sent. */
  #sendWaiting(): void {
    if (this.#isSending) return
    this.#isSending = true
    for (const waiting of this.#waiting) {
      const numbering = this.#open()
      if (numbering === undefined) break
      this.#waiting.delete(waiting)
      this.#send(numbering, waiting)
    }
    this.#isSending = false
  }
}

/** How many more commands fit into the window. */
function capacityOf({ acknowledged, next }: Numbering): number {
  return acknowledged + SESSION_WINDOW + 1 - next
}

function acknowledge(numbering: Numbering, sequence: number): void {
  const { answered } = numbering
  if (sequence === numbering.acknowledged + 1) numbering.acknowledged++
  else answered.add(sequence)
  while (answered.size > 0 && answered.delete(numbering.acknowledged + 1)) numbering.acknowledged++
}

function cannotBeResumed(): SynodError {
  const reason = 'the session has ended, or 1,023 later commands were sent, or it is resumed already'
  return new SynodError('outcome-unknown', `the request cannot be resumed: ${reason}`, {
    mayHaveExecuted: true,
  })
}
