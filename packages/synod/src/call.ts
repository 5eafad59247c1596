import type { Clock } from './clock.js'
import { SynodError } from './errors.js'

/** What every call that can take long lets its caller set. */
export interface CallOptions {
  /** Gives up when aborted: the call fails as `aborted`. What it asked for may happen all the same. */
  readonly signal?: AbortSignal | undefined
  /** How long to go on trying, in milliseconds. */
  readonly timeout_ms?: number | undefined
}

/**
 * A promise that its caller may stop waiting for, by signal or by timeout. It is over once; what was begun on
 * its behalf is told by `onOver`.
 */
export class Call<T> {
  readonly promise: Promise<T>
  #resolve!: (value: T) => void
  #reject!: (error: Error) => void
  #onOver: ((error: Error | undefined) => void)[] = []
  #over = false
  /** For the list of the calls under way: the neighbours, and when this one times out. */
  before: Listed | undefined
  after: Listed | undefined
  until_ms = Infinity

  constructor() {
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
interface Listed {
  before: Listed | undefined
  after: Listed | undefined
  until_ms: number
  reject(error: Error): void
}

/** The calls under way at one replica or client. */
export class Calls {
  readonly #clock: Clock
  readonly #timeout_ms: number
  readonly #timeoutError: (timeout_ms: number) => SynodError
  /** Calls without a timeout of their own: a list through the calls themselves, the oldest first. */
  #first: Listed | undefined
  #last: Listed | undefined
  /** Runs while the list is not empty; one timer for all, as a timer for each would cost more than the rest. */
  #cancelTimer: (() => void) | undefined
  readonly #others = new Set<Listed>()
  #ended: SynodError | undefined

  /**
   * `timeout_ms` is for calls that bring none of their own; `timeoutError` says why nothing came of a call
   * when its time is up.
   */
  constructor(clock: Clock, timeout_ms: number, timeoutError: (timeout_ms: number) => SynodError) {
    this.#clock = clock
    this.#timeout_ms = timeout_ms
    this.#timeoutError = timeoutError
  }

  start<T>({ signal, timeout_ms }: CallOptions): Call<T> {
    const call = new Call<T>()
    if (this.#ended !== undefined) call.reject(this.#ended)
    else if (timeout_ms === undefined) this.#append(call)
    else this.#time(call, timeout_ms)
    if (signal !== undefined) endOnAbort(call, signal)
    return call
  }

  /** Fails every call that is under way, and every later one. */
  end(error: SynodError): void {
    this.#ended ??= error
    while (this.#first !== undefined) this.#first.reject(error)
    for (const call of this.#others) call.reject(error)
    this.#cancelTimer?.()
  }

  #append<T>(call: Call<T>): void {
    call.until_ms = this.#clock.now() + this.#timeout_ms
    call.before = this.#last
    if (this.#last === undefined) this.#first = call
    else this.#last.after = call
    this.#last = call
    call.onOver(() => {
      this.#remove(call)
    })
    this.#cancelTimer ??= this.#clock.timer(this.#timeout_ms, () => {
      this.#expire()
    })
  }

  #remove(call: Listed): void {
    const { before, after } = call
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    // A dead call that still pointed to its neighbours would keep them from being collected cheaply.
    call.before = undefined
    call.after = undefined
  }

  #expire(): void {
    const now_ms = this.#clock.now()
    while (this.#first !== undefined && this.#first.until_ms <= now_ms) {
      this.#first.reject(this.#timeoutError(this.#timeout_ms))
    }
    this.#cancelTimer =
      this.#first &&
      this.#clock.timer(this.#first.until_ms - now_ms, () => {
        this.#expire()
      })
  }

  #time<T>(call: Call<T>, timeout_ms: number): void {
    const cancelTimer = this.#clock.timer(timeout_ms, () => {
      call.reject(this.#timeoutError(timeout_ms))
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
