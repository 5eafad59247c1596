import { Reader } from '../bytes/reader.js'
import type { Call } from '../call.js'
import { type ErrorCode, SynodError } from '../errors.js'
import { SESSION_WINDOW, encodeOpen, encodeRequest } from './request.js'
import type { SessionKey } from './session-key.js'

/**
 * Sends an encoded request, as often as it takes, until `call` is over; gives it the encoded
 * result.
 */
export type Submit = (value: Uint8Array, call: Call<Uint8Array>) => void

/** The errors of a call whose time was up. */
const IN_DOUBT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['no-quorum', 'outcome-unknown', 'unreachable'])

interface Waiting {
  readonly command: Uint8Array
  readonly version: number
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
   * Commands that wait for the session to be open, or for room in its window. Those whose call is
   * over have left.
   */
  readonly #waiting = new Set<Waiting>()
  #isSending = false

  /** `openCall` makes the call in which the session is opened. */
  constructor(submit: Submit, newKey: () => SessionKey, openCall: () => Call<Uint8Array>) {
    this.#submit = submit
    this.#newKey = newKey
    this.#key = newKey()
    this.#openCall = openCall
  }

  /** `version` is that of the state machine from which on the command is known. */
  execute(command: Uint8Array, version: number, call: Call<Uint8Array>): void {
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

  #send(numbering: Numbering, { call, command, version }: Waiting): void {
    const sequence = numbering.next++
    const { acknowledged, opening, session } = numbering
    call.onOver((error) => {
      this.#over(numbering, sequence, error)
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
    else if (this.#numbering.next <= this.#numbering.acknowledged + SESSION_WINDOW) return this.#numbering
    return undefined
  }

  #beginOpening(): void {
    if (this.#isOpening) return
    this.#isOpening = true
    const session = this.#key
    const call = this.#openCall()
    call.promise.then(
      (result) => {
        const opening = new Reader(result).varint()
        this.#numbering = { session, opening, next: 1, acknowledged: 0, answered: new Set() }
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
    const { answered } = numbering
    if (sequence === numbering.acknowledged + 1) numbering.acknowledged++
    else answered.add(sequence)
    while (answered.size > 0 && answered.delete(numbering.acknowledged + 1)) numbering.acknowledged++
    const expired = error instanceof SynodError && error.code === 'session-expired'
    if (expired && numbering === this.#numbering) {
      this.#numbering = undefined
      this.#key = this.#newKey()
    }
    if (this.#waiting.size > 0) this.#sendWaiting()
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
