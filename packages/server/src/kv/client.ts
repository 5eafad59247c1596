import { type CallOptions, type Client, type ConnectOptions, type Slot, SynodError, connect } from 'synod'
import { kvCodecs } from './codecs.js'
import { requireText } from './key.js'
import { DEFAULT_RANGE_LIMIT } from './limits.js'
import type { KvMachine } from './machine.js'
import type { KvAnswer, KvCommand, KvPair, KvQuery, KvResult } from './operations.js'

/** As for `connect`; the codecs are the store's own. */
export type KvConnectOptions = Omit<ConnectOptions<KvMachine>, 'codecs'>

export interface ReadOptions extends CallOptions {
  /**
   * From the state as it is on any one replica, however old: without a quorum, and faster.
   * Linearizable unless given.
   */
  readonly stale?: boolean | undefined
  /**
   * A stale read waits until this slot is executed on that replica. `seen` makes it see all that
   * this client has seen.
   */
  readonly atLeast?: Slot | undefined
}

export interface RangeOptions extends ReadOptions {
  /** 1,000 pairs unless given, 1 to 10,000. */
  readonly limit?: number
  /** Only keys that come after this one: the last one of the answer before, say. */
  readonly after?: string
  /** Leaves the values empty. */
  readonly keysOnly?: boolean
}

/**
 * A client of the key-value store. Values that are given as text are stored as UTF-8.
 *
 * Every method rejects with what `Client.execute`, `Client.read` or `Client.readStale` does, and
 * with `invalid-options` for a key that is empty, longer than 1024 bytes or not text, and for a
 * value that is given as text and is none.
 *
 * @example
 * const client = await KvClient.connect({ endpoints: ['127.0.0.1:2379'] })
 * await client.put('hello', 'world')
 * const value = await client.get('hello')
 */
export class KvClient implements AsyncDisposable {
  readonly #client: Client<KvMachine>

  private constructor(client: Client<KvMachine>) {
    this.#client = client
  }

  /** Resolves when any replica has answered. Rejects as `ready` of a client does. */
  static async connect(options: KvConnectOptions): Promise<KvClient> {
    const client = connect<KvMachine>({ ...options, codecs: kvCodecs })
    try {
      await client.ready()
    } catch (error) {
      await client.close()
      throw error
    }
    return new KvClient(client)
  }

  /** Returns whether the key was there before. */
  async put(key: string, value: Uint8Array | string, options?: CallOptions): Promise<boolean> {
    const { existed } = await this.#execute({ type: 'put', key, value: toBytes(value) }, 'put', options)
    return existed
  }

  /** The value of a key; null if it is not there. */
  async get(key: string, options?: ReadOptions): Promise<Uint8Array | null> {
    const { value } = await this.#read({ type: 'get', key }, 'get', options)
    return value
  }

  /** Returns whether the key was there. */
  async delete(key: string, options?: CallOptions): Promise<boolean> {
    const { existed } = await this.#execute({ type: 'delete', key }, 'delete', options)
    return existed
  }

  /**
   * The pairs whose keys begin with `prefix`, in order: at most `limit` of them, and at most 1 MiB.
   * `more` says whether there are others behind them.
   */
  async range(
    prefix: string,
    { after = '', keysOnly = false, limit = DEFAULT_RANGE_LIMIT, ...options }: RangeOptions = {},
  ): Promise<{ readonly pairs: readonly KvPair[]; readonly more: boolean }> {
    return this.#read({ type: 'range', prefix, after, limit, keysOnly }, 'range', options)
  }

  /**
   * Sets a key if its value is the expected one, or with `null` if it is not there. `actual` is the
   * value before.
   */
  async cas(
    key: string,
    expected: Uint8Array | string | null,
    value: Uint8Array | string,
    options?: CallOptions,
  ): Promise<{ readonly swapped: boolean; readonly actual: Uint8Array | null }> {
    const bytes = expected === null ? null : toBytes(expected)
    return this.#execute({ type: 'cas', key, expected: bytes, value: toBytes(value) }, 'cas', options)
  }

  /**
   * Adds to the decimal integer that the value is; 0 if the key is not there. Returns the sum, or
   * why not.
   */
  async increment(
    key: string,
    by = 1n,
    options?: CallOptions,
  ): Promise<Extract<KvResult, { type: 'increment' }>> {
    return this.#execute({ type: 'increment', key, by }, 'increment', options)
  }

  /** The highest slot that any answer to this client was from; 0 before the first. */
  get seen(): Slot {
    return this.#client.seen
  }

  /** Ends all connections. What is under way fails as `closed`. */
  close(): Promise<void> {
    return this.#client.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #execute<Type extends KvResult['type']>(
    command: KvCommand,
    type: Type,
    options?: CallOptions,
  ): Promise<Extract<KvResult, { type: Type }>> {
    return expectType(await this.#client.execute(command, options), type)
  }

  async #read<Type extends KvAnswer['type']>(
    query: KvQuery,
    type: Type,
    { atLeast, stale = false, ...options }: ReadOptions = {},
  ): Promise<Extract<KvAnswer, { type: Type }>> {
    if (typeof stale !== 'boolean' || (!stale && atLeast !== undefined))
      throw new SynodError('invalid-options', 'stale must be true or false, and true where atLeast is given')
    const read = stale
      ? this.#client.readStale(query, { ...options, atLeast }).then(({ answer }) => answer)
      : this.#client.read(query, options)
    return expectType(await read, type)
  }
}

/** The replicas answer each operation under its own type, or they run another state machine. */
function expectType<Found extends { readonly type: string }, Type extends Found['type']>(
  found: Found,
  type: Type,
): Extract<Found, { type: Type }> {
  if (found.type !== type)
    throw new SynodError(
      'wrong-protocol',
      `the replicas run another state machine: the answer to a ${type} is a ${found.type}`,
    )
  return found as Extract<Found, { type: Type }>
}

function toBytes(value: Uint8Array | string): Uint8Array {
  if (typeof value !== 'string') return value
  requireText(value, 'value')
  return Buffer.from(value)
}
