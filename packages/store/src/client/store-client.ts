import { type CallOptions, type ConnectOptions, type Replicated, connect } from 'synod'
import { storeCodecs } from '../codec/codecs.js'
import { type LeaseId, keyOf } from '../keys/key-value.js'
import type { LeaseStatus, SortTarget, StoreStatus } from '../operations/operations.js'
import type { Store } from '../store.js'
import { Calls } from './calls.js'
import { type Bytes, type Entry, type Keys, bytesOf, entryOf, rangeOf } from './entries.js'
import { Election } from './election.js'
import { type Lease, type LeaseOptions, grant } from './lease.js'
import { RANGE, TransactionBuilder } from './transaction.js'
import { type Turn, type TurnOptions, takeTurn } from './turn.js'
import { type Changes, type WatchOptions, watch } from './watching.js'

export interface ReadOptions extends CallOptions {
  /** As of this revision; the newest unless given. */
  readonly revision?: number | undefined
  /**
   * From the state of any one replica, without a quorum, but no older than what this client has
   * seen. Linearizable unless given.
   */
  readonly stale?: boolean | undefined
}

export interface RangeOptions extends ReadOptions {
  /** At most this many; as many as fit into 1 MiB unless given. */
  readonly limit?: number | undefined
  readonly sortBy?: SortTarget | undefined
  readonly descending?: boolean | undefined
  /** Leaves the values empty. */
  readonly keysOnly?: boolean | undefined
}

export interface Page {
  readonly entries: readonly Entry[]
  /** How many keys there are in all. */
  readonly count: number
  /** Whether others follow. */
  readonly more: boolean
  /** Of the store. */
  readonly revision: number
}

export interface PutOptions extends CallOptions {
  /** The key goes when the lease ends. */
  readonly lease?: LeaseId | undefined
}

/** A lock that this client holds, until `lost` is aborted. */
export interface Lock extends AsyncDisposable {
  /**
   * Of two holders, the later one has the higher fence: what the lock protects is to refuse a lower
   * one after it has seen a higher one.
   */
  readonly fence: number
  /** Aborted when it is over, or may be; its reason is a StoreError `lock-lost`. */
  readonly lost: AbortSignal
  unlock(): Promise<void>
}

/**
 * A client of a store: of a replica in this process, or of a cluster. Keys and values are bytes;
 * text stands for its UTF-8. What the store refuses is thrown as a StoreError, all else as a
 * SynodError.
 *
 * @example
 * const store = StoreClient.connect({ endpoints: ['127.0.0.1:2379'] })
 * await store.put('config/color', 'blue')
 * for await (const { changes } of store.watch({ prefix: 'config/' })) console.log(changes)
 */
export class StoreClient implements AsyncDisposable {
  readonly #calls: Calls
  readonly #close: () => Promise<void>

  constructor(state: Replicated<Store>, close: () => Promise<void> = () => Promise.resolve()) {
    this.#calls = new Calls(state)
    this.#close = close
  }

  /** It connects with the first call. */
  static connect(options: Omit<ConnectOptions<Store>, 'codecs'>): StoreClient {
    const client = connect<Store>({ ...options, codecs: storeCodecs })
    return new StoreClient(client, () => client.close())
  }

  /** Sets a key. Returns the revision of the store, and what was there before. */
  async put(
    key: Bytes,
    value: Bytes,
    { lease = 0n, ...options }: PutOptions = {},
  ): Promise<{ readonly revision: number; readonly previous: Entry | undefined }> {
    const put = { type: 'put', key: keyOf(key), value: bytesOf(value), lease, previous: true } as const
    const { previous, revision } = await this.#calls.execute(put, options)
    return { revision, previous: previous && entryOf(previous) }
  }

  /** Undefined if the key is not there. */
  async get(key: Bytes, options: ReadOptions = {}): Promise<Entry | undefined> {
    const { entries } = await this.range(key, options)
    return entries[0]
  }

  /** Reads a range as far as it fits into an answer: `scan` reads all of it. */
  async range(keys: Keys, options: RangeOptions = {}): Promise<Page> {
    const { descending = false, keysOnly = false, limit = 0, revision = 0, sortBy = 'key', stale } = options
    const range = { ...RANGE, ...rangeOf(keys), descending, keysOnly, limit, revision, sortBy }
    const { signal, timeoutMs } = options
    const answer = await this.#calls.read(range, { signal, timeoutMs, stale: stale ?? false })
    const { count, more, pairs } = answer
    return { entries: pairs.map(entryOf), count, more, revision: answer.revision }
  }

  /** All entries of a range, as of one revision, in the order of their keys. */
  async *scan(keys: Keys, options: Omit<ReadOptions, 'stale'> = {}): AsyncGenerator<Entry, void, undefined> {
    let { revision = 0 } = options
    const { end } = rangeOf(keys)
    for (let rest = keys; ;) {
      const page = await this.range(rest, { ...options, revision })
      yield* page.entries
      const last = page.entries.at(-1)
      if (!page.more || last === undefined || end === '') return
      revision = revision === 0 ? page.revision : revision
      // With a zero byte behind it, a key is the least of those after it.
      const from = Buffer.concat([last.key, Buffer.of(0)])
      rest = end === '\0' ? { from } : { from, to: Buffer.from(end, 'latin1') }
    }
  }

  /** Deletes all keys of a range. Returns how many there were. */
  async delete(
    keys: Keys,
    options?: CallOptions,
  ): Promise<{ readonly revision: number; readonly deleted: number }> {
    const { deleted, revision } = await this.#calls.execute(
      { type: 'delete', ...rangeOf(keys), previous: false },
      options,
    )
    return { revision, deleted }
  }

  /**
   * Adds to the decimal integer that a value is; a key that is not there counts as 0. Returns the
   * sum.
   */
  async increment(key: Bytes, by = 1n, options?: CallOptions): Promise<bigint> {
    const { value } = await this.#calls.execute({ type: 'increment', key: keyOf(key), by }, options)
    return value
  }

  /** Begins a transaction. */
  txn(): TransactionBuilder {
    return new TransactionBuilder(this.#calls)
  }

  /**
   * The changes of keys, revision by revision: in order, each once, without a gap, over broken
   * connections and lost replicas. Throws `compacted` where that cannot be.
   */
  watch(keys: Keys, options: WatchOptions = {}): AsyncGenerator<Changes, void, undefined> {
    return watch(this.#calls, keys, options)
  }

  /** Grants a lease, and keeps it alive until it is revoked. */
  lease(ttlSeconds: number, options: LeaseOptions = {}): Promise<Lease> {
    return grant(this.#calls, ttlSeconds, options)
  }

  async leaseStatus(
    lease: LeaseId,
    { keys = false, ...options }: CallOptions & { readonly keys?: boolean } = {},
  ): Promise<LeaseStatus> {
    return this.#calls.read({ type: 'lease', lease, keys }, options)
  }

  async leases(options?: CallOptions): Promise<readonly LeaseId[]> {
    return (await this.#calls.read({ type: 'leases' }, options)).leases
  }

  /** Waits until this client holds the lock of a name. */
  async lock(name: Bytes, options: TurnOptions = {}): Promise<Lock> {
    return lockOf(await takeTurn(this.#calls, name, '', 'lock-lost', options))
  }

  election(name: Bytes): Election {
    return new Election(this.#calls, name)
  }

  /** Forgets what was before a revision. */
  async compact(revision: number, options?: CallOptions): Promise<void> {
    await this.#calls.execute({ type: 'compact', revision }, options)
  }

  async setQuota(bytes: number, options?: CallOptions): Promise<void> {
    await this.#calls.execute({ type: 'quota', bytes }, options)
  }

  async status(options?: CallOptions): Promise<StoreStatus & { readonly revision: number }> {
    return this.#calls.read({ type: 'status' }, options)
  }

  /** Ends all connections, where `connect` made this client. */
  close(): Promise<void> {
    return this.#close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function lockOf(turn: Turn): Lock {
  const unlock = () => turn.end()
  return { fence: turn.fence, lost: turn.lost, unlock, [Symbol.asyncDispose]: unlock }
}
