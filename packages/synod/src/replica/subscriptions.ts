import { SynodError } from '../errors.js'

/** What there is next for a subscriber; undefined where it has to wait. What it throws ends it. */
export type NextItem<T> = () => T | undefined

interface Waiting<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void
  readonly reject: (error: unknown) => void
}

/** A subscription as those of a replica see it. */
interface Open {
  wake(): void
  end(error: SynodError): void
}

const DONE = { done: true, value: undefined } as const

/** The async iterators over what happens at a replica. They end with it. */
export class Subscriptions {
  readonly #open = new Set<Open>()
  #ended: SynodError | undefined

  /**
   * An iterator that begins with this call. It rejects with `aborted` when its signal is aborted,
   * and with the error of a replica that fails; when the replica is closed, it is done.
   */
  open<T extends object>(
    take: NextItem<T>,
    signal: AbortSignal | undefined,
  ): AsyncIterableIterator<T, undefined> {
    const subscription = new Subscription(take, signal, (ended) => this.#open.delete(ended))
    if (this.#ended !== undefined) subscription.end(this.#ended)
    if (!subscription.isOver) this.#open.add(subscription)
    return subscription
  }

  /** Something may have happened. */
  wake(): void {
    for (const subscription of this.#open) subscription.wake()
  }

  end(error: SynodError): void {
    this.#ended ??= error
    for (const subscription of this.#open) subscription.end(error)
  }
}

class Subscription<T extends object> implements AsyncIterableIterator<T, undefined>, Open {
  readonly #take: NextItem<T>
  readonly #onEnd: (ended: Open) => void
  readonly #removeListener: () => void
  #waiting: Waiting<T>[] = []
  isOver = false
  /** Not told yet: the next call rejects with it. */
  #error: unknown

  constructor(take: NextItem<T>, signal: AbortSignal | undefined, onEnd: (ended: Open) => void) {
    this.#take = take
    this.#onEnd = onEnd
    const abort = () => {
      this.#finish(new SynodError('aborted', 'the caller gave up', { cause: signal?.reason }))
    }
    signal?.addEventListener('abort', abort)
    this.#removeListener = () => signal?.removeEventListener('abort', abort)
    if (signal?.aborted === true) abort()
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      if (this.isOver) this.#settle()
      else this.wake()
    })
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#finish(undefined)
    return Promise.resolve(DONE)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  wake(): void {
    try {
      for (const { resolve } of [...this.#waiting]) {
        const value = this.#take()
        if (value === undefined) return
        this.#waiting.shift()
        resolve({ done: false, value })
      }
    } catch (error) {
      this.#finish(error)
    }
  }

  end(error: SynodError): void {
    this.#finish(error.code === 'closed' ? undefined : error)
  }

  #finish(error: unknown): void {
    if (this.isOver) return
    this.isOver = true
    this.#error = error
    this.#removeListener()
    this.#onEnd(this)
    this.#settle()
  }

  /** The first that waits is told of the error, as with a generator that has thrown. */
  #settle(): void {
    for (const { reject, resolve } of this.#waiting.splice(0)) {
      const error = this.#error
      this.#error = undefined
      if (error === undefined) resolve(DONE)
      else reject(error)
    }
  }
}
