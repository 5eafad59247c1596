import type { BatchedCommand, Machine } from 'synod/internal/machine/machine.js'
import { SnapshotMap } from 'synod/internal/machine/snapshot-map.js'
import type { Chance } from '../chance.js'
import { assertLinearizable } from '../linearizability/check.js'
import { keyValueModel } from '../linearizability/models/key-value.js'
import type { Workload } from './workload.js'

/** A put and a delete answer whether the key was there before. */
export type StoreCommand =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'delete'; readonly key: string }
  /** Puts `to` where there is `from`, and answers whether it did. */
  | { readonly type: 'cas'; readonly key: string; readonly from: string; readonly to: string }

export interface StoreQuery {
  readonly type: 'get'
  readonly key: string
}

/** The state machine that is simulated unless another one is given: a small store of texts. */
class Store implements Machine<StoreCommand, boolean, StoreQuery, string | null> {
  readonly #values = new SnapshotMap<string, string>()

  apply(command: StoreCommand): boolean {
    const { key } = command
    switch (command.type) {
      case 'put': {
        const existed = this.#values.has(key)
        this.#values.set(key, command.value)
        return existed
      }
      case 'delete':
        return this.#values.delete(key)
      case 'cas':
        if (this.#values.get(key) !== command.from) return false
        this.#values.set(key, command.to)
        return true
    }
  }

  applyBatch(batch: readonly BatchedCommand<StoreCommand>[]): boolean[] {
    return batch.map(({ command }) => this.apply(command))
  }

  frees({ type }: StoreCommand): boolean {
    return type === 'delete'
  }

  query({ key }: StoreQuery): string | null {
    return this.#values.get(key) ?? null
  }

  snapshot(): Iterable<Uint8Array> {
    return encoded(this.#values.snapshot())
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#values.clear()
    for await (const chunk of chunks) {
      const [key, value] = JSON.parse(Buffer.from(chunk).toString()) as [string, string]
      this.#values.set(key, value)
    }
  }
}

/** One chunk for each key: few keys, but many chunks. */
function* encoded(entries: Iterable<[string, string]>): Generator<Uint8Array, void, undefined> {
  for (const entry of entries) yield Buffer.from(JSON.stringify(entry))
}

const KEYS = ['a', 'b', 'c', 'd']

/** More than what is usual: a history that cannot be decided would look like a mistake. */
const SEARCH_LIMIT = 3_000_000

/** Of few keys and few values, so that clients get in each other's way. */
export const storeWorkload: Workload<Store> = {
  machine: () => new Store(),
  command(chance) {
    const key = chance.pick(KEYS)
    const dice = chance.next()
    if (dice < 0.6) return { type: 'put', key, value: value(chance) }
    if (dice < 0.9) return { type: 'cas', key, from: value(chance), to: value(chance) }
    return { type: 'delete', key }
  },
  query: (chance) => ({ type: 'get', key: chance.pick(KEYS) }),
  check(history) {
    assertLinearizable(keyValueModel(), history, { limit: SEARCH_LIMIT })
  },
}

function value(chance: Chance): string {
  return `v${chance.below(12)}`
}
