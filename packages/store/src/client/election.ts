import type { CallOptions } from 'synod'
import type { Calls } from './calls.js'
import { type Bytes, type Entry, bufferOf, bytesOf, entryOf, rangeOf } from './entries.js'
import { StoreError } from './errors.js'
import { RANGE, TransactionBuilder, op, when } from './transaction.js'
import { type Turn, type TurnOptions, takeTurn } from './turn.js'
import { watch } from './watching.js'

/** That this client leads, until `lost` is aborted. */
export interface Leadership extends AsyncDisposable {
  /** Of two leaderships, the later one has the higher fence. */
  readonly fence: number
  /** Aborted when it is over, or may be; its reason is a StoreError `leadership-lost`. */
  readonly lost: AbortSignal
  /** Changes what `leader` and `observe` show. Rejects with `leadership-lost` when it is over. */
  proclaim(value: Bytes, options?: CallOptions): Promise<void>
  /** Lets the next candidate lead. */
  resign(): Promise<void>
}

/** An election among all who campaign under one name: one leads, the others wait for their turn. */
export class Election {
  readonly #calls: Calls
  readonly #name: Bytes

  constructor(calls: Calls, name: Bytes) {
    this.#calls = calls
    this.#name = name
  }

  /** Resolves when this client leads. */
  async campaign(value: Bytes, options: TurnOptions = {}): Promise<Leadership> {
    return new HeldLeadership(
      this.#calls,
      await takeTurn(this.#calls, this.#name, value, 'leadership-lost', options),
    )
  }

  /** The entry of the leader: its value is what it campaigned with, or proclaimed. */
  async leader(options?: CallOptions): Promise<Entry | undefined> {
    return (await this.#leader(options)).entry
  }

  /** The entry of the leader, and each that follows: a new leader, or a new value. */
  async *observe({ signal }: { readonly signal?: AbortSignal } = {}): AsyncGenerator<Entry, void, undefined> {
    let seen = 0
    while (signal?.aborted !== true) {
      const { entry, revision } = await this.#leader({ signal })
      if (entry !== undefined && entry.modRevision > seen) {
        seen = entry.modRevision
        yield entry
      }
      for await (const _ of watch(this.#calls, { prefix: this.#prefix }, { from: revision + 1, signal }))
        break
    }
  }

  get #prefix(): Buffer {
    return Buffer.concat([bufferOf(bytesOf(this.#name)), Buffer.from('/')])
  }

  async #leader(
    options: CallOptions = {},
  ): Promise<{ readonly entry: Entry | undefined; readonly revision: number }> {
    const oldest = { sortBy: 'create', limit: 1 } as const
    const range = { ...RANGE, ...rangeOf({ prefix: this.#prefix }), ...oldest }
    const { pairs, revision } = await this.#calls.read(range, options)
    const [pair] = pairs
    return { entry: pair && entryOf(pair), revision }
  }
}

class HeldLeadership implements Leadership {
  readonly #calls: Calls
  readonly #turn: Turn

  constructor(calls: Calls, turn: Turn) {
    this.#calls = calls
    this.#turn = turn
  }

  get fence(): number {
    return this.#turn.fence
  }

  get lost(): AbortSignal {
    return this.#turn.lost
  }

  async proclaim(value: Bytes, options?: CallOptions): Promise<void> {
    const { fence, key, lease } = this.#turn
    const { succeeded } = await new TransactionBuilder(this.#calls)
      .if(when.createRevision(key, 'equal', fence))
      .do(op.put(key, value, { lease: lease.id }))
      .commit(options)
    if (!succeeded) throw new StoreError('leadership-lost', 'another one leads by now')
  }

  resign(): Promise<void> {
    return this.#turn.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resign()
  }
}
