import { randomBytes } from 'node:crypto'
import { SynodError } from 'synod'
import type { LeaseId } from '../keys/key-value.js'
import type { Calls } from './calls.js'
import { StoreError } from './errors.js'

/** A lease is kept alive this many times within its time. */
const KEEP_ALIVES = 3

/** A lease and its keys end when it is not kept alive any more. */
export interface Lease extends AsyncDisposable {
  readonly id: LeaseId
  /** What was granted, in seconds. */
  readonly ttlSeconds: number
  /**
   * Aborted when the lease has ended, or may have: when it was revoked, when the store does not
   * know it any more, and when its time has passed since it was kept alive the last time. Its
   * reason is a StoreError `lease-lost`.
   */
  readonly lost: AbortSignal
  /** Ends the lease, and deletes its keys. */
  revoke(): Promise<void>
}

export interface LeaseOptions {
  /** Ends the lease when aborted, as `revoke` does. */
  readonly signal?: AbortSignal | undefined
}

/** Grants a lease, and keeps it alive. */
export async function grant(calls: Calls, ttlSeconds: number, { signal }: LeaseOptions): Promise<Lease> {
  const beganMs = performance.now()
  const id = newLeaseId()
  const granted = await calls.execute({ type: 'grant', lease: id, ttlSeconds }, { signal })
  return new KeptLease(calls, id, granted.ttlSeconds, beganMs, signal)
}

function newLeaseId(): LeaseId {
  return BigInt.asUintN(63, randomBytes(8).readBigUInt64LE()) || 1n
}

class KeptLease implements Lease {
  readonly id: LeaseId
  readonly ttlSeconds: number
  readonly #calls: Calls
  readonly #lost = new AbortController()
  readonly #onAbort = () => void this.revoke().catch(() => undefined)
  readonly #signal: AbortSignal | undefined
  #timer: NodeJS.Timeout | undefined
  /** Until then the store keeps it, by a clock that may not be slower than that of the cluster. */
  #untilMs: number

  constructor(
    calls: Calls,
    id: LeaseId,
    ttlSeconds: number,
    beganMs: number,
    signal: AbortSignal | undefined,
  ) {
    this.#calls = calls
    this.id = id
    this.ttlSeconds = ttlSeconds
    // The time of the lease began after the call did.
    this.#untilMs = beganMs + ttlSeconds * 1000
    this.#signal = signal
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.#wait()
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  async revoke(): Promise<void> {
    this.#end('the lease was revoked')
    try {
      await this.#calls.execute({ type: 'revoke', lease: this.id })
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'lease-not-found') throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.revoke()
  }

  #wait(): void {
    const everyMs = (this.ttlSeconds * 1000) / KEEP_ALIVES
    const leftMs = this.#untilMs - performance.now()
    if (leftMs <= 0) this.#end('the lease could not be kept alive in time')
    else this.#timer = setTimeout(() => void this.#keepAlive(), Math.min(everyMs, leftMs))
  }

  async #keepAlive(): Promise<void> {
    const askedMs = performance.now()
    const leftMs = this.#untilMs - askedMs
    if (leftMs <= 0) {
      this.#end('the lease could not be kept alive in time')
      return
    }
    try {
      const command = { type: 'keep-alive', leases: [this.id] } as const
      const { ttlSeconds } = await this.#calls.execute(command, { timeoutMs: Math.ceil(leftMs) })
      if ((ttlSeconds[0] ?? 0) > 0) this.#untilMs = askedMs + this.ttlSeconds * 1000
      else this.#end('the lease has ended: it was revoked, or not kept alive in time')
    } catch (error) {
      if (!(error instanceof SynodError) || error.code === 'closed') this.#end('the client is closed')
    }
    if (!this.lost.aborted) this.#wait()
  }

  #end(why: string): void {
    clearTimeout(this.#timer)
    this.#signal?.removeEventListener('abort', this.#onAbort)
    if (!this.lost.aborted) this.#lost.abort(new StoreError('lease-lost', why))
  }
}
