import type { Machine } from 'synod'
import { pairSize_bytes } from './answer-codec.js'
import { kvCodecs } from './codecs.js'
import { isInRange, parseIntegerBytes } from './integer.js'
import { MAX_RANGE_BYTES } from './limits.js'
import type { KvAnswer, KvCommand, KvPair, KvQuery, KvResult } from './operations.js'
import { OrderedKeys } from './ordered-keys.js'

const NO_VALUE = new Uint8Array(0)

/**
 * A store of keys and values, ordered by key. No operation throws.
 *
 * @example
 * const replica = await Replica.open({ id: 1, cluster, dataDir, machine: new KvMachine() })
 * await replica.propose({ type: 'put', key: 'hello', value: Buffer.from('world') })
 */
export class KvMachine implements Machine<KvCommand, KvResult, KvQuery, KvAnswer> {
  readonly codecs = kvCodecs
  /** The values are those of the commands, not copies: the log keeps these bytes and does not change them. */
  readonly #values = new Map<string, Uint8Array>()
  readonly #keys = new OrderedKeys()

  apply(command: KvCommand): KvResult {
    switch (command.type) {
      case 'put':
        return { type: 'put', existed: this.#set(command.key, command.value) }
      case 'delete':
        return { type: 'delete', existed: this.#delete(command.key) }
      case 'cas': {
        const { expected, key, value } = command
        const actual = this.#values.get(key) ?? null
        const swapped = sameBytes(actual, expected)
        if (swapped) this.#set(key, value)
        return { type: 'cas', swapped, actual }
      }
      case 'increment':
        return this.#increment(command.key, command.by)
    }
  }

  query(query: KvQuery): KvAnswer {
    switch (query.type) {
      case 'get':
        return { type: 'get', value: this.#values.get(query.key) ?? null }
      case 'range':
        return this.#range(query)
    }
  }

  /** Returns whether the key was there before. */
  #set(key: string, value: Uint8Array): boolean {
    const existed = this.#values.has(key)
    this.#values.set(key, value)
    if (!existed) this.#keys.add(key)
    return existed
  }

  #delete(key: string): boolean {
    const existed = this.#values.delete(key)
    if (existed) this.#keys.delete(key)
    return existed
  }

  /** A key that is not there counts as 0. */
  #increment(key: string, by: bigint): KvResult {
    const value = this.#values.get(key)
    const before = value === undefined ? 0n : parseIntegerBytes(value)
    if (before === null) return { type: 'increment', done: false, reason: 'not-an-integer' }
    const sum = before + by
    if (!isInRange(sum)) return { type: 'increment', done: false, reason: 'out-of-range' }
    this.#set(key, Buffer.from(sum.toString()))
    return { type: 'increment', done: true, value: sum }
  }

  #range({ after, keysOnly, limit, prefix }: Extract<KvQuery, { type: 'range' }>): KvAnswer {
    const pairs: KvPair[] = []
    let size_bytes = 0
    // With a zero character at its end, a key is the least of those that come after it.
    for (const key of this.#keys.from(after < prefix ? prefix : `${after}\0`)) {
      if (!key.startsWith(prefix)) break
      const pair = { key, value: keysOnly ? NO_VALUE : (this.#values.get(key) ?? NO_VALUE) }
      size_bytes += pairSize_bytes(pair)
      // The first pair always fits, or whoever asks for what comes after the last one would never get on.
      const full = pairs.length === limit || (pairs.length > 0 && size_bytes > MAX_RANGE_BYTES)
      if (full) return { type: 'range', pairs, more: true }
      pairs.push(pair)
    }
    return { type: 'range', pairs, more: false }
  }
}

function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b
  return Buffer.compare(a, b) === 0
}
