import type { Clock } from './clock.js'
import { type DeadlineCall, Deadlines } from './deadlines.js'
import { type ErrorCode, SynodError, isRefusal, PendingRequest } from './errors.js'
import { ServicePace, overloaded } from './service-pace.js'
import { type Rules, SIGNAL, TIMEOUT_MS, checkOptions, wholeFrom } from './options.js'
import { MAX_SERVER_ID, type ServerId, type Slot } from './paxos/ballot.js'

/**
 * How many calls may be under way at one client or replica, and how many bytes of commands and
 * queries in them.
 */
export const MAX_CALLS = 65_536
export const MAX_CALL_BYTES = 256 << 20

/**
 * How many timeouts keep their timer when no call has them any more. Callers use the same few, and
 * a timer for each call would cost as much as the call.
 */
const KEPT_TIMEOUTS = 8

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
 * Is told when a call is over: an instance for each call, with a method in place of a closure, as
 * that costs less. It watches one call at a time.
 */
export abstract class CallWatcher {
  /** The next one of the same call, for the call to use. */
  next: CallWatcher | undefined

  /** With the error if the call failed. */
  abstract onOver(error: Error | undefined): void
}

class WatchingFunction extends CallWatcher {
  readonly #run: (error: Error | undefined) => void

  constructor(run: (error: Error | undefined) => void) {
    super()
    this.#run = run
  }

  override onOver(error: Error | undefined): void {
    this.#run(error)
  }
}

/**
 * Something whose caller may stop waiting for it, by signal or by timeout. It is over once; what
 * was begun on its behalf is told by `onOver`.
 */
export class Call<T> implements DeadlineCall {
  readonly kind: CallKind
  state: RequestState = 'unsent'
  /** Whether an earlier attempt may be executed, or have been, though it has no answer. */
  wasLost = false
  /** Whether its sender can resume it where the outcome is not known. */
  isResumable = false
  /** The slot that the result is from, where its sender knows that. */
  slot: Slot = 0
  /** The request that it resumes. */
  readonly #resumed: PendingRequest | undefined
  readonly #calls: Calls | undefined
  #promise: Promise<T> | undefined
  #decode: ((value: T, slot: Slot) => unknown) | undefined
  #explain: ((error: Error) => Error) | undefined
  #resolve: ((value: unknown) => void) | undefined
  #reject: ((error: Error) => void) | undefined
  #value: T | undefined
  #error: Error | undefined
  #firstWatcher: CallWatcher | undefined
  #lastWatcher: CallWatcher | undefined
  #over = false
  /** For the list of the calls with its timeout: the list, and the neighbours there. */
  deadlines: Deadlines | undefined
  before: DeadlineCall | undefined
  after: DeadlineCall | undefined
  /** When it times out. */
  untilMs = Infinity
  /** What it has to send, if it counts for the limits on calls; -1 if it does not. */
  takenBytes = -1

  /**
   * `resume`: an earlier call has sent this request, and does not know its outcome. `calls`: whose
   * limits and timeouts hold for it.
   */
  constructor(kind: CallKind, resume?: PendingRequest, calls?: Calls) {
    this.kind = kind
    this.#resumed = resume
    this.#calls = calls
    if (resume === undefined) return
    this.state = 'sent'
    this.wasLost = true
  }

  get promise(): Promise<T> {
    return (this.#promise ??= this.outcome((value) => value))
  }

  /**
   * A promise of what `decode` makes of the result and its slot, or `explain` of the error. It is
   * asked for once, and in place of `promise`: a second one would cost as much as all the rest.
   */
  outcome<Outcome>(
    decode: (value: T, slot: Slot) => Outcome,
    explain?: (error: Error) => Error,
  ): Promise<Outcome> {
    this.#decode = decode
    this.#explain = explain
    return new Promise<Outcome>((resolve, reject) => {
      this.#resolve = resolve as (value: unknown) => void
      this.#reject = reject
      if (this.#over) this.#settle()
    })
  }

  get over(): boolean {
    return this.#over
  }

  /** Called when the call is over, with the error if it failed; at once if it is over already. */
  onOver(run: (error: Error | undefined) => void): void {
    this.watch(new WatchingFunction(run))
  }

  /** As `onOver`. */
  watch(watcher: CallWatcher): void {
    if (this.#over) {
      watcher.onOver(undefined)
      return
    }
    if (this.#lastWatcher === undefined) this.#firstWatcher = watcher
    else this.#lastWatcher.next = watcher
    this.#lastWatcher = watcher
  }

  resolve(value: T): void {
    if (this.#over) return
    this.#value = value
    this.#finish()
  }

  /** Fails with this error, which says why there is no answer. What that leaves open is added. */
  reject(error: Error): void {
    if (this.#over) return
    this.#error = error instanceof SynodError ? this.#withDoubt(error) : error
    this.#finish()
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

  #finish(): void {
    this.#over = true
    const error = this.#error
    this.#calls?.onOver(this)
    let watcher = this.#firstWatcher
    while (watcher !== undefined) {
      const { next } = watcher
      // It may watch another call from now on.
      watcher.next = undefined
      watcher.onOver(error)
      watcher = next
    }
    if (this.#resolve !== undefined) this.#settle()
  }

  #settle(): void {
    if (this.#error !== undefined) {
      this.#reject?.(this.#explain?.(this.#error) ?? this.#error)
      return
    }
    try {
      this.#resolve?.(this.#decode?.(this.#value as T, this.slot))
    } catch (error) {
      this.#reject?.(error as Error)
    }
  }
}

/** The calls under way at one replica or client. */
export class Calls {
  readonly #clock: Clock
  readonly #timeoutError: (timeoutMs: number) => SynodError
  /** Those without a timeout of their own. */
  readonly #usual: Deadlines
  /** The others, by their timeouts; where these are many, none without a call. */
  readonly #others = new Map<number, Deadlines>()
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
    this.#timeoutError = timeoutError
    this.#usual = new Deadlines(clock, timeoutMs, timeoutError)
  }

  start<T>(kind: CallKind, options: ExecuteOptions): Call<T> {
    return this.#start(kind, options, this.#clock.now())
  }

  /** A call with this many bytes to send. It fails as `overloaded` if that is one too many. */
  take<T>(kind: CallKind, sizeBytes: number, options: ExecuteOptions): Call<T> {
    const nowMs = this.#clock.now()
    const call = this.#start<T>(kind, options, nowMs)
    if (call.over) return call
    if (this.#taken >= MAX_CALLS || this.#bytes + sizeBytes > MAX_CALL_BYTES) {
      const what = `${this.#taken} calls with ${this.#bytes} bytes are under way already`
      call.reject(overloaded(what, this.#pace.retryAfterMs(this.#taken, nowMs)))
      return call
    }
    if (this.#taken++ === 0) this.#pace.begin(nowMs)
    this.#bytes += sizeBytes
    call.takenBytes = sizeBytes
    return call
  }

  /** For a call of these: it is over. */
  onOver<T>(call: Call<T>): void {
    const { deadlines, takenBytes } = call
    if (deadlines !== undefined) {
      deadlines.remove(call)
      if (this.#others.size > KEPT_TIMEOUTS && deadlines !== this.#usual && deadlines.isEmpty) {
        deadlines.stop()
        this.#others.delete(deadlines.timeoutMs)
      }
    }
    if (takenBytes < 0) return
    this.#taken--
    this.#bytes -= takenBytes
    this.#pace.done(1, this.#taken, this.#clock.now())
  }

  /** Fails every call that is under way, and every later one. */
  end(error: SynodError): void {
    this.#ended ??= error
    this.#usual.end(error)
    for (const deadlines of this.#others.values()) deadlines.end(error)
  }

  #start<T>(kind: CallKind, { resume, signal, timeoutMs }: ExecuteOptions, nowMs: number): Call<T> {
    const call = new Call<T>(kind, resume, this)
    if (this.#ended !== undefined) call.reject(this.#ended)
    else this.#deadlinesOf(timeoutMs).append(call, nowMs)
    if (signal !== undefined) endOnAbort(call, signal)
    return call
  }

  #deadlinesOf(timeoutMs: number | undefined): Deadlines {
    if (timeoutMs === undefined || timeoutMs === this.#usual.timeoutMs) return this.#usual
    const known = this.#others.get(timeoutMs)
    if (known !== undefined) return known
    const deadlines = new Deadlines(this.#clock, timeoutMs, this.#timeoutError)
    this.#others.set(timeoutMs, deadlines)
    return deadlines
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
