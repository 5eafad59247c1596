import type { Clock } from './clock.js'
import { type ErrorCode, SynodError, isRefusal, PendingRequest } from './errors.js'
import { type Linked, LinkedList } from './linked-list.js'
import { ServicePace, overloaded } from './service-pace.js'
import { type Rules, SIGNAL, TIMEOUT_MS, checkOptions, wholeFrom } from './options.js'
import { MAX_SERVER_ID, type ServerId } from './paxos/ballot.js'

/**
 * How many calls may be under way at one client or replica, and how many bytes of commands and
 * queries in them.
 */
export const MAX_CALLS = 65_536
export const MAX_CALL_BYTES = 256 << 20

/** What every call that can take long lets its caller set. */
export interface CallOptions {
  /**
   * Gives up when aborted: the call fails as `aborted`. What it asked for may happen all the same.
   */
  readonly signal?: AbortSignal | undefined
  /** How long to go on trying, in milliseconds: 1 to 3,600,000, or Infinity for no limit. */
  readonly timeoutMs?: number | undefined
}

/** What `execute` takes. */
export interface ExecuteOptions extends CallOptions {
  /**
   * The `request` of an error: the call gets the outcome of that request, whose command must be
   * given again. It is executed once, be it now or before. Its session keeps the outcome for 1,023
   * later commands.
   */
  readonly resume?: PendingRequest | undefined
}

export interface TransferOptions extends CallOptions {
  /** Which server is to lead; whichever keeps up best unless given. */
  readonly to?: ServerId | undefined
}

/** What every call takes. */
export const CALL_RULES: Rules = { signal: SIGNAL, timeoutMs: TIMEOUT_MS }

export const EXECUTE_RULES: Rules = {
  ...CALL_RULES,
  resume: { may: 'the `request` of an error', fits: (value) => PendingRequest.is(value) },
}

const TRANSFER_RULES: Rules = { ...CALL_RULES, to: wholeFrom(1, MAX_SERVER_ID) }

/** Throws `invalid-options`. `method` is whose options they are. */
export function checkCall(method: string, options: CallOptions, rules = CALL_RULES): void {
  checkOptions(`the options of ${method}`, options, rules)
}

/** Throws `invalid-options`. Returns the server that is to lead, 0 for any. */
export function checkTransfer(options: TransferOptions): ServerId {
  checkCall('transferLeadership', options, TRANSFER_RULES)
  return options.to ?? 0
}

/** What a caller waits for. What a failure leaves open depends on it. */
export type CallKind = 'connect' | 'command' | 'change' | 'read' | 'status' | 'transfer' | 'save'

/**
 * Where a request is, as far as its sender knows: `unsent`, `sent` to a replica that may have it
 * executed, or `refused` by all that had it.
 */
type RequestState = 'unsent' | 'sent' | 'refused'

/** What a failure leaves open, and what its caller can do. */
const LEFT_OPEN: Readonly<Record<RequestState, Readonly<Partial<Record<CallKind, string>>>>> = {
  unsent: {
    command: '; the command was not sent',
    change: '; the change was not sent',
  },
  sent: {
    command: '; the command may still be executed: read the state before you send it again',
    change: '; the change may still be made: to ask for it again does no harm',
    transfer: '; another server may still take over the leadership',
  },
  refused: {},
}

/**
 * A promise that its caller may stop waiting for, by signal or by timeout. It is over once; what
 * was begun on its behalf is told by `onOver`.
 */
export class Call<T> {
  readonly promise: Promise<T>
  readonly kind: CallKind
  state: RequestState = 'unsent'
  /** Whether an earlier attempt may be executed, or have been, though it has no answer. */
  wasLost = false
  /** Whether its sender can resume it where the outcome is not known. */
  isResumable = false
  /** The request that it resumes. */
  readonly #resumed: PendingRequest | undefined
  #resolve!: (value: T) => void
  #reject!: (error: Error) => void
  #onOver: ((error: Error | undefined) => void)[] = []
  #over = false
  /** For the list of the calls under way: the neighbours. */
  before: Listed | undefined
  after: Listed | undefined
  /** When it times out. */
  untilMs = Infinity

  /** `resume`: an earlier call has sent this request, and does not know its outcome. */
  constructor(kind: CallKind, resume?: PendingRequest) {
    this.kind = kind
    this.#resumed = resume
    if (resume !== undefined) [this.state, this.wasLost] = ['sent', true]
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  get over(): boolean {
    return this.#over
  }

  /** Called when the call is over, with the error if it failed; at once if it is over already. */
  onOver(run: (error: Error | undefined) => void): void {
    if (this.#over) run(undefined)
    else this.#onOver.push(run)
  }

  resolve(value: T): void {
    if (this.#finish(undefined)) this.#resolve(value)
  }

  /** Fails with this error, which says why there is no answer. What that leaves open is added. */
  reject(error: Error): void {
    const told = error instanceof SynodError ? this.#withDoubt(error) : error
    if (this.#finish(told)) this.#reject(told)
  }

  /** No replica has the request any more: the last one has refused it with this code. */
  refused(code: ErrorCode): void {
    // What a command failed with is its outcome, by whichever way it came.
    if (code === 'command-failed' || (isRefusal(code) && !this.wasLost)) this.state = 'refused'
  }

  #withDoubt(error: SynodError): SynodError {
    const open = LEFT_OPEN[this.state][this.kind]
    if (open === undefined) return error
    const { cause, code, message, retryAfterMs } = error
    return new SynodError(code, `${message}${open}`, {
      ...(cause === undefined ? {} : { cause }),
      ...(this.state === 'sent'
        ? { mayHaveExecuted: true, request: this.#resumable(code) }
        : { retryAfterMs }),
    })
  }

  /** A session that has ended has no outcomes any more. */
  #resumable(code: ErrorCode): PendingRequest | undefined {
    if (code === 'session-expired') return undefined
    return this.#resumed ?? (this.isResumable ? new PendingRequest() : undefined)
  }

  #finish(error: Error | undefined): boolean {
    if (this.#over) return false
    this.#over = true
    for (const run of this.#onOver) run(error)
    return true
  }
}

/** A call as the list of those under way sees it. */
interface Listed extends Linked<Listed> {
  readonly untilMs: number
  reject(error: Error): void
}

/** The calls under way at one replica or client. */
export class Calls {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #timeoutError: (timeoutMs: number) => SynodError
  /** Those without a timeout of their own, the oldest first. */
  readonly #calls = new LinkedList<Listed>()
  /**
   * Runs while the list is not empty; one timer for all, as a timer for each would cost more than
   * the rest.
   */
  #cancelTimer: (() => void) | undefined
  readonly #others = new Set<Listed>()
  /** The pace of the calls that `take` has taken. */
  readonly #pace = new ServicePace()
  #taken = 0
  #bytes = 0
  #ended: SynodError | undefined

  /**
   * `timeoutMs` is for calls that bring none of their own; `timeoutError` says why a call has no
   * answer when its time is up.
   */
  constructor(clock: Clock, timeoutMs: number, timeoutError: (timeoutMs: number) => SynodError) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#timeoutError = timeoutError
  }

  start<T>(kind: CallKind, { resume, signal, timeoutMs }: ExecuteOptions): Call<T> {
    const call = new Call<T>(kind, resume)
    if (this.#ended !== undefined) call.reject(this.#ended)
    else if (timeoutMs === undefined) this.#append(call)
    else this.#time(call, timeoutMs)
    if (signal !== undefined) endOnAbort(call, signal)
    return call
  }

  /** A call with this many bytes to send. It fails as `overloaded` if that is one too many. */
  take<T>(kind: CallKind, sizeBytes: number, options: ExecuteOptions): Call<T> {
    const call = this.start<T>(kind, options)
    if (call.over) return call
    if (this.#taken >= MAX_CALLS || this.#bytes + sizeBytes > MAX_CALL_BYTES) {
      const what = `${this.#taken} calls with ${this.#bytes} bytes are under way already`
      call.reject(overloaded(what, this.#pace.retryAfterMs(this.#taken, this.#clock.now())))
      return call
    }
    if (this.#taken++ === 0) this.#pace.begin(this.#clock.now())
    this.#bytes += sizeBytes
    call.onOver(() => {
      this.#taken--
      this.#bytes -= sizeBytes
      this.#pace.done(1, this.#taken, this.#clock.now())
    })
    return call
  }

  /** Fails every call that is under way, and every later one. */
  end(error: SynodError): void {
    this.#ended ??= error
    while (this.#calls.first !== undefined) this.#calls.first.reject(error)
    for (const call of this.#others) call.reject(error)
    this.#cancelTimer?.()
  }

  #append<T>(call: Call<T>): void {
    call.untilMs = this.#clock.now() + this.#timeoutMs
    this.#calls.append(call)
    call.onOver(() => {
      this.#calls.remove(call)
    })
    if (this.#timeoutMs === Infinity) return
    this.#cancelTimer ??= this.#clock.timer(this.#timeoutMs, () => {
      this.#expire()
    })
  }

  #expire(): void {
    const nowMs = this.#clock.now()
    while (this.#calls.first !== undefined && this.#calls.first.untilMs <= nowMs) {
      this.#calls.first.reject(this.#timeoutError(this.#timeoutMs))
    }
    const { first } = this.#calls
    this.#cancelTimer =
      first &&
      this.#clock.timer(first.untilMs - nowMs, () => {
        this.#expire()
      })
  }

  #time<T>(call: Call<T>, timeoutMs: number): void {
    call.untilMs = this.#clock.now() + timeoutMs
    const cancelTimer = this.#clock.timer(timeoutMs, () => {
      call.reject(this.#timeoutError(timeoutMs))
    })
    this.#others.add(call)
    call.onOver(() => {
      cancelTimer()
      this.#others.delete(call)
    })
  }
}

function endOnAbort<T>(call: Call<T>, signal: AbortSignal): void {
  const abort = () => {
    call.reject(new SynodError('aborted', 'the caller gave up', { cause: signal.reason }))
  }
  signal.addEventListener('abort', abort)
  call.onOver(() => {
    signal.removeEventListener('abort', abort)
  })
  if (signal.aborted) abort()
}
