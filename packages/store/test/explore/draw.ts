import type { Chance } from '../../../testing/src/chance.js'
import type { WatchRequest } from '../../src/watch/watcher.js'
import type {
  Command,
  Compare,
  Delete,
  Increment,
  KeyRange,
  LeaseId,
  Operation,
  Put,
  Query,
  Range,
  Transaction,
} from '../../src/index.js'

const KEYS = ['a', 'a\0', 'ab', 'abc', 'b', 'ba', 'c', 'd/1', 'd/2', 'd/20', 'd/3', '\xff', '\xff\xff']
const LEASES = [1n, 2n, 3n, 0x7fff_ffff_ffff_ffffn]
const TARGETS = ['version', 'create', 'mod', 'value', 'lease'] as const
const RESULTS = ['equal', 'greater', 'less', 'not-equal'] as const
const SORTS = ['key', 'version', 'create', 'mod', 'value'] as const

/** What is drawn goes by where the store is. */
export interface Bounds {
  readonly revision: number
  readonly compacted: number
}

/** Draws commands and queries of every kind, wrong ones too, on few keys. */
export class Draw {
  readonly #chance: Chance
  readonly #manyKeys: boolean

  constructor(chance: Chance, manyKeys = chance.happens(0.3)) {
    this.#chance = chance
    this.#manyKeys = manyKeys
  }

  command(bounds: Bounds): Command {
    const chance = this.#chance
    const kind = chance.below(100)
    if (kind < 60) return this.#write()
    if (kind < 72) return chance.happens(0.03) ? this.#large(bounds, 0) : this.#transaction(bounds, 0)
    if (kind < 75) return { type: 'compact', revision: this.#revision(bounds) }
    if (kind < 81) return { type: 'grant', lease: this.#lease(), ttlSeconds: chance.below(5) }
    if (kind < 84) return { type: 'revoke', lease: this.#lease() }
    if (kind < 90) {
      const leases = Array.from({ length: 1 + chance.below(3) }, () => this.#lease())
      return { type: 'keep-alive', leases }
    }
    return { type: 'tick' }
  }

  query(bounds: Bounds): Query {
    const kind = this.#chance.below(10)
    if (kind < 6) return this.#read(bounds)
    if (kind < 8) return this.#transaction(bounds, 0, kind === 6)
    if (kind < 9) return { type: 'lease', lease: this.#lease(), keys: this.#chance.happens(0.8) }
    return { type: 'leases' }
  }

  watch(bounds: Bounds): WatchRequest {
    const chance = this.#chance
    const drawn = chance.below(10)
    const startRevision =
      drawn < 4 ? 0 : drawn < 5 ? bounds.revision + chance.below(20) : this.#revision(bounds)
    const range = chance.happens(0.4) ? { key: this.#key(), end: '' } : this.#range()
    const [puts, deletes] = chance.pick([
      [true, true] as const,
      [true, false] as const,
      [false, true] as const,
    ])
    return { ...range, startRevision, previous: chance.happens(0.5), puts, deletes }
  }

  #write(): Put | Delete | Increment {
    const chance = this.#chance
    const kind = chance.below(10)
    if (kind === 0) return { type: 'delete', ...this.#range(), previous: chance.happens(0.5) }
    if (kind === 1) return { type: 'delete', key: this.#key(), end: '', previous: chance.happens(0.5) }
    if (kind === 2) return { type: 'increment', key: this.#key(), by: BigInt(chance.below(20) - 10) }
    return {
      type: 'put',
      key: this.#key(),
      value: chance.happens(0.1) ? null : this.#value(),
      lease: chance.happens(0.1) ? null : chance.happens(0.3) ? this.#lease() : 0n,
      previous: chance.happens(0.3),
    }
  }

  #transaction(bounds: Bounds, depth: number, readsOnly = false): Transaction {
    const compares = this.#some(3, () => this.#compare(bounds))
    const branch = () => this.#some(4, () => this.#operation(bounds, depth, readsOnly))
    return { type: 'txn', compares, success: branch(), failure: branch() }
  }

  /** A chain of transactions that is about as large as one may be, or larger. */
  #large(bounds: Bounds, depth: number): Transaction {
    const chance = this.#chance
    const compares = Array.from({ length: chance.below(60) }, () => this.#compare(bounds))
    const inner = depth < 4 ? [this.#large(bounds, depth + 1)] : []
    const success = [...inner, ...this.#some(3, () => this.#read(bounds))]
    return { type: 'txn', compares, success, failure: chance.happens(0.5) ? inner : [] }
  }

  #operation(bounds: Bounds, depth: number, readsOnly: boolean): Operation {
    const kind = this.#chance.below(10)
    if (kind < 2 && depth < 3) return this.#transaction(bounds, depth + 1, readsOnly)
    return readsOnly || kind < 4 ? this.#read(bounds) : this.#write()
  }

  #compare({ revision }: Bounds): Compare {
    const chance = this.#chance
    const result = chance.pick(RESULTS)
    const range = chance.happens(0.6) ? { key: this.#key(), end: '' } : this.#range()
    const target = chance.pick(TARGETS)
    if (target === 'value') return { ...range, result, target, operand: this.#value() }
    if (target === 'lease')
      return { ...range, result, target, operand: chance.happens(0.5) ? 0n : this.#lease() }
    const operand =
      target === 'version' ? chance.below(4) : chance.happens(0.3) ? 0 : revision - chance.below(12)
    return { ...range, result, target, operand }
  }

  #read(bounds: Bounds): Range {
    const chance = this.#chance
    const bound = () => (chance.happens(0.15) ? Math.max(0, bounds.revision - chance.below(20)) : 0)
    return {
      type: 'range',
      ...(chance.happens(0.3) ? { key: this.#key(), end: '' } : this.#range()),
      revision: chance.happens(0.6) ? 0 : this.#revision(bounds),
      limit: chance.happens(0.5) ? 0 : chance.below(5),
      sortBy: chance.pick(SORTS),
      descending: chance.happens(0.3),
      keysOnly: chance.happens(0.3),
      countOnly: chance.happens(0.1),
      minModRevision: bound(),
      maxModRevision: bound(),
      minCreateRevision: bound(),
      maxCreateRevision: bound(),
    }
  }

  #range(): KeyRange {
    const chance = this.#chance
    return { key: this.#key(), end: chance.happens(0.3) ? '\0' : this.#key() }
  }

  #key(): string {
    const chance = this.#chance
    if (chance.happens(0.01)) return ''
    return this.#manyKeys ? `k${String(chance.below(2000))}` : chance.pick(KEYS)
  }

  #value(): Uint8Array {
    const chance = this.#chance
    if (chance.happens(0.3)) return Buffer.from(String(chance.below(100) - 50))
    return Buffer.alloc(chance.happens(0.05) ? chance.below(3000) : chance.below(12), chance.below(256))
  }

  #lease(): LeaseId {
    return this.#chance.happens(0.03) ? 0n : this.#chance.pick(LEASES)
  }

  /** Mostly one that can be read. */
  #revision({ compacted, revision }: Bounds): number {
    const span = revision - compacted
    return Math.max(1, compacted - 2 + this.#chance.below(span + 5))
  }

  #some<T>(most: number, draw: () => T): T[] {
    return Array.from({ length: this.#chance.below(most + 1) }, draw)
  }
}
