import { Reader } from '../bytes/reader.js'
import { type Call, CallWatcher } from '../call.js'
import { type ErrorCode, SynodError, type PendingRequest } from '../errors.js'
import { SESSION_WINDOW, commandHead, encodeCommand, encodeOpen } from './request.js'
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
class Numbering {
  readonly session: Session
  /** What the commands of the session begin with. */
  readonly head: Uint8Array
  next = 1
  acknowledged = 0
  /** Those above `acknowledged`. */
  readonly answered = new Set<number>()
  /** Requests that a caller has given up on and may resume: they are not acknowledged. */
  readonly resumable = new Set<number>()

  constructor(session: Session, head: Uint8Array) {
    this.session = session
    this.head = head
  }

  /** How many more commands fit into the window. */
  get capacity(): number {
    return this.acknowledged + SESSION_WINDOW + 1 - this.next
  }

  acknowledge(sequence: number): void {
    const { answered } = this
    if (sequence === this.acknowledged + 1) this.acknowledged++
    else answered.add(sequence)
    while (answered.size > 0 && answered.delete(this.acknowledged + 1)) this.acknowledged++
  }
}

/** A command under its number. It watches the call that sends it, at first or again. */
class NumberedCommand extends CallWatcher implements VersionedCommand {
  readonly numbering: Numbering
  readonly sequence: number
  readonly command: Uint8Array
  readonly version: number

  constructor(numbering: Numbering, { command, version }: VersionedCommand) {
    super()
    this.numbering = numbering
    this.sequence = numbering.next++
    this.command = command
    this.version = version
  }

  encode(): Uint8Array {
    const { acknowledged, head } = this.numbering
    return encodeCommand(head, this.sequence, acknowledged, this.version, this.command)
  }

  override onOver(error: Error | undefined): void {
    this.numbering.session.onOver(this, error)
  }
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
  readonly #resumable = new WeakMap<PendingRequest, NumberedCommand>()
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
    const { acknowledged, capacity, resumable } = this.#numbering
    return this.#waiting.size < capacity || resumable.has(acknowledged + 1)
  }

  execute(command: VersionedCommand, call: Call<Uint8Array>): void {
    if (call.over) return
    const numbering = this.#waiting.size === 0 ? this.#open() : undefined
    if (numbering !== undefined) {
      this.#send(new NumberedCommand(numbering, command), call)
      return
    }
    const waiting = { ...command, call }
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
    else this.#send(resumable, call)
    return true
  }

  /** For a command of this session: the call that sent it is over. */
  onOver(sent: NumberedCommand, error: Error | undefined): void {
    const { numbering, sequence } = sent
    if (error instanceof SynodError && error.request !== undefined) {
      this.#resumable.set(error.request, sent)
      numbering.resumable.add(sequence)
    } else {
      // Answered or given up on, its result is not needed any more.
      numbering.acknowledge(sequence)
      const expired = error instanceof SynodError && error.code === 'session-expired'
      if (expired && numbering === this.#numbering) {
        this.#numbering = undefined
        this.#key = this.#newKey()
      }
    }
    if (this.#waiting.size > 0) this.#sendWaiting()
  }

  #send(command: NumberedCommand, call: Call<Uint8Array>): void {
    call.isResumable = true
    call.watch(command)
    this.#submit(command.encode(), call)
  }

  /** The numbers of the session if it is open and has room. */
  #open(): Numbering | undefined {
    if (this.#numbering === undefined) this.#beginOpening()
    else if (this.#hasNext(this.#numbering)) return this.#numbering
    return undefined
  }

  /** The oldest requests that may be resumed are given up where the window is full otherwise. */
  #hasNext(numbering: Numbering): boolean {
    while (numbering.capacity === 0 && numbering.resumable.delete(numbering.acknowledged + 1))
      numbering.acknowledge(numbering.acknowledged + 1)
    return numbering.capacity > 0
  }

  #beginOpening(): void {
    if (this.#isOpening) return
    this.#isOpening = true
    const session = this.#key
    const call = this.#openCall()
    call.promise.then(
      (result) => {
        const opening = new Reader(result).varint()
        this.#numbering = new Numbering(this, commandHead(session, opening))
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

  /** What is refused at once makes room for the next one while it is being sent. */
  #sendWaiting(): void {
    if (this.#isSending) return
    this.#isSending = true
    for (const waiting of this.#waiting) {
      const numbering = this.#open()
      if (numbering === undefined) break
      this.#waiting.delete(waiting)
      this.#send(new NumberedCommand(numbering, waiting), waiting.call)
    }
    this.#isSending = false
  }
}

function cannotBeResumed(): SynodError {
  const reason = 'the session has ended, or 1,023 later commands were sent, or it is resumed already'
  return new SynodError('outcome-unknown', `the request cannot be resumed: ${reason}`, {
    mayHaveExecuted: true,
  })
}
