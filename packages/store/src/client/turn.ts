import type { Calls } from './calls.js'
import { type Bytes, type Entry, bufferOf, bytesOf, entryOf, rangeOf } from './entries.js'
import { StoreError, type StoreErrorCode } from './errors.js'
import { type Lease, grant } from './lease.js'
import { RANGE, TransactionBuilder, op, when } from './transaction.js'
import { watch } from './watching.js'

export interface TurnOptions {
  /**
   * The holder is given up this long after it was last heard of: 2 to 9,000,000,000; 10 unless
   * given.
   */
  readonly ttlSeconds?: number | undefined
  /** Stops waiting when aborted. */
  readonly signal?: AbortSignal | undefined
}

const TTL_SECONDS = 10

/** Whose turn it is, among all who wait under one name: that of the oldest key. */
export interface Turn {
  readonly key: Buffer
  /** The revision that created the key: of two holders, the later one has the higher fence. */
  readonly fence: number
  readonly lease: Lease
  /** Aborted when the turn is over, or may be. */
  readonly lost: AbortSignal
  end(): Promise<void>
}

/**
 * Puts a key with a lease under a name, and waits until all older ones are gone. (The recipe of
 * etcd's clients, so that theirs and these may wait for each other.)
 */
export async function takeTurn(
  calls: Calls,
  name: Bytes,
  value: Bytes,
  lostCode: StoreErrorCode,
  { signal, ttlSeconds = TTL_SECONDS }: TurnOptions,
): Promise<Turn> {
  const lease = await grant(calls, ttlSeconds, {})
  try {
    const prefix = Buffer.concat([bufferOf(bytesOf(name)), Buffer.from('/')])
    const key = Buffer.concat([prefix, Buffer.from(lease.id.toString(16))])
    const { revision: fence } = await new TransactionBuilder(calls)
      .if(when.missing(key))
      .do(op.put(key, value, { lease: lease.id }))
      .commit({ signal })
    await waitForOlder(calls, prefix, fence, lease, signal)
    return new HeldTurn(calls, key, fence, lease, lostCode)
  } catch (error) {
    await lease.revoke().catch(() => undefined)
    throw error
  }
}

async function waitForOlder(
  calls: Calls,
  prefix: Buffer,
  fence: number,
  lease: Lease,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (;;) {
    const { entry, revision } = await newestBefore(calls, prefix, fence, signal)
    if (entry === undefined) return
    const ended = anyOf(lease.lost, signal)
    for await (const _ of watch(calls, entry.key, { from: revision + 1, only: 'deletes', signal: ended }))
      break
    if (lease.lost.aborted) throw lease.lost.reason
    signal?.throwIfAborted()
  }
}

async function newestBefore(
  calls: Calls,
  prefix: Buffer,
  fence: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly entry: Entry | undefined; readonly revision: number }> {
  const older = { maxCreateRevision: fence - 1, sortBy: 'create', descending: true, limit: 1 } as const
  const { pairs, revision } = await calls.read({ ...RANGE, ...rangeOf({ prefix }), ...older }, { signal })
  const [pair] = pairs
  return { entry: pair && entryOf(pair), revision }
}

class HeldTurn implements Turn {
  readonly key: Buffer
  readonly fence: number
  readonly lease: Lease
  readonly #over = new AbortController()

  constructor(calls: Calls, key: Buffer, fence: number, lease: Lease, lostCode: StoreErrorCode) {
    this.key = key
    this.fence = fence
    this.lease = lease
    const lose = (why: string, cause?: unknown) => {
      if (!this.lost.aborted) this.#over.abort(new StoreError(lostCode, why, { cause }))
    }
    lease.lost.addEventListener('abort', () => {
      lose('the lease has ended', lease.lost.reason)
    })
    void this.#watchKey(calls, lose)
  }

  get lost(): AbortSignal {
    return this.#over.signal
  }

  async end(): Promise<void> {
    await this.lease.revoke()
  }

  async #watchKey(calls: Calls, lose: (why: string, cause?: unknown) => void): Promise<void> {
    const options = { from: this.fence + 1, only: 'deletes', signal: this.lost } as const
    try {
      for await (const _ of watch(calls, this.key, options)) break
      lose('its key was deleted')
    } catch (error) {
      lose('its key cannot be watched', error)
    }
  }
}

/** Aborted when one of them is. */
function anyOf(first: AbortSignal, second: AbortSignal | undefined): AbortSignal {
  return second === undefined ? first : AbortSignal.any([first, second])
}
