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
  #settle!: { resolve: (value: T) => void; reject: (error: Error) => void }
  #onOver: ((error: Error | undefined) => void)[] = []
  #over = false

  /** `timeoutError` says why nothing came of it, when the time is up. */
  constructor(
    clock: Clock,
    timeout_ms: number,
    signal: AbortSignal | undefined,
    timeoutError: () => SynodError,
  ) {
    this.promise = new Promise<T>((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    const cancelTimer = clock.timer(timeout_ms, () => {
      this.reject(timeoutError())
    })
    this.onOver(cancelTimer)
    if (signal === undefined) return
    const abort = () => {
      this.reject(new SynodError('aborted', 'the caller gave up', { cause: signal.reason }))
    }
    signal.addEventListener('abort', abort)
    this.onOver(() => {
      signal.removeEventListener('abort', abort)
    })
    if (signal.aborted) abort()
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
    if (this.#finish(undefined)) this.#settle.resolve(value)
  }

  reject(error: Error): void {
    if (this.#finish(error)) this.#settle.reject(error)
  }

  #finish(error: Error | undefined): boolean {
    if (this.#over) return false
    this.#over = true
    for (const run of this.#onOver) run(error)
    return true
  }
}

/** The calls under way at one replica or client. */
export class Calls {
  readonly #clock: Clock
  readonly #timeout_ms: number
  readonly #timeoutError: (timeout_ms: number) => SynodError
  readonly #underWay = new Set<{ reject(error: Error): void }>()
  #ended: SynodError | undefined

  /** `timeout_ms` is for calls that bring none of their own. */
  constructor(clock: Clock, timeout_ms: number, timeoutError: (timeout_ms: number) => SynodError) {
    this.#clock = clock
    this.#timeout_ms = timeout_ms
    this.#timeoutError = timeoutError
  }

  start<T>({ signal, timeout_ms = this.#timeout_ms }: CallOptions): Call<T> {
    const call = new Call<T>(this.#clock, timeout_ms, signal, () => this.#timeoutError(timeout_ms))
    this.#underWay.add(call)
    call.onOver(() => this.#underWay.delete(call))
    if (this.#ended !== undefined) call.reject(this.#ended)
    return call
  }

  /** Fails every call that is under way, and every later one. */
  end(error: SynodError): void {
    this.#ended ??= error
    for (const call of this.#underWay) call.reject(error)
  }
}
