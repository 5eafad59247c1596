import type { Clock } from './clock.js'
import { SynodError } from './errors.js'
import { type Linked, LinkedList } from './linked-list.js'
import { Pace, overloaded } from './pace.js'
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

export interface TransferOptions extends CallOptions {
  /** Which server is to lead; whichever keeps up best unless given. */
  readonly to?: ServerId | undefined
}

/** What every call takes. */
export const CALL_RULES: Rules = { signal: SIGNAL, timeoutMs: TIMEOUT_MS }

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

/** What may have come of a request that was sent and has no answer, and what its caller can do. */
const IN_DOUBT: Readonly<Record<CallKind, string>> = {
  connect: '',
  command: '; the command may still be executed: read what became of it before you send it again',
  change: '; the change may still be made: to ask for it again does no harm',
  read: '',
  status: '',
  transfer: '; another server may still take over the leadership',
  save: '',
}

/** The same of a request that never left. */
const NOT_SENT: Readonly<Record<CallKind, string>> = {
  ...IN_DOUBT,
  command: '; the command was not sent',
  change: '; the change was not sent',
  transfer: '',
}

/**
 * A promise that its caller may stop waiting for, by signal or by timeout. It is over once; what
 * was begun on its behalf is told by `onOver`.
 */
export class Call<T> {
  readonly promise: Promise<T>
  readonly kind: CallKind
  /** Whether a replica may have got the request: set by its sender. */
  sent = false
  #resolve!: (value: T) => void
  #reject!: (error: Error) => void
  #onOver: ((error: Error | undefined) => void)[] = []
  #over = false
  /** For the list of the calls under way: the neighbours. */
  before: Listed | undefined
  after: Listed | undefined
  /** When it times out. */
  untilMs = Infinity

  constructor(kind: CallKind) {
    this.kind = kind
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  get over(): boolean {
    return this.#over
  }

  /**
   * What to add to a message that says why there is no answer; empty where nothing is left open.
   */
  get doubt(): string {
    return (this.sent ? IN_DOUBT : NOT_SENT)[this.kind]
  }

  /** Called when the call is over, with the error if it failed; at once if it is over already. */
  onOver(run: (error: Error | undefined) => void): void {
    if (this.#over) run(undefined)
    else this.#onOver.push(run)
  }

  resolve(value: T): void {
    if (this.#finish(undefined)) this.#resolve(value)
  }

  reject(error: Error): void {
    if (this.#finish(error)) this.#reject(error)
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
  readonly doubt: string
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
  /** Of those that `take` has taken. */
  readonly #pace = new Pace()
  #taken = 0
  #bytes = 0
  #ended: SynodError | undefined

  /**
   * `timeoutMs` is for calls that bring none of their own; `timeoutError` says why nothing came of
   * a call when its time is up. What that leaves open for the caller is added here.
   */
  constructor(clock: Clock, timeoutMs: number, timeoutError: (timeoutMs: number) => SynodError) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#timeoutError = timeoutError
  }

  start<T>(kind: CallKind, { signal, timeoutMs }: CallOptions): Call<T> {
    const call = new Call<T>(kind)
    if (this.#ended !== undefined) call.reject(this.#ended)
    else if (timeoutMs === undefined) this.#append(call)
    else this.#time(call, timeoutMs)
    if (signal !== undefined) endOnAbort(call, signal)
    return call
  }

  /** A call with this many bytes to send. It fails as `overloaded` if that is one too many. */
  take<T>(kind: CallKind, sizeBytes: number, options: CallOptions): Call<T> {
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
    while (this.#calls.first !== undefined) this.#calls.first.reject(withDoubt(error, this.#calls.first))
    for (const call of this.#others) call.reject(withDoubt(error, call))
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
      this.#calls.first.reject(withDoubt(this.#timeoutError(this.#timeoutMs), this.#calls.first))
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
      call.reject(withDoubt(this.#timeoutError(timeoutMs), call))
    })
    this.#others.add(call)
    call.onOver(() => {
      cancelTimer()
      this.#others.delete(call)
    })
  }
}

function withDoubt(error: SynodError, { doubt }: Listed): SynodError {
  return doubt === '' ? error : new SynodError(error.code, `${error.message}${doubt}`, { cause: error })
}

function endOnAbort<T>(call: Call<T>, signal: AbortSignal): void {
  const abort = () => {
    call.reject(new SynodError('aborted', `the caller gave up${call.doubt}`, { cause: signal.reason }))
  }
  signal.addEventListener('abort', abort)
  call.onOver(() => {
    signal.removeEventListener('abort', abort)
  })
  if (signal.aborted) abort()
}
