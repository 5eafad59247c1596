import type { Machine } from 'synod'
import { asBuffer, malformed } from './bytes.js'
import { pairSizeBytes } from './answer-codec.js'
import { kvCodecs } from './codecs.js'
import { isInRange, parseIntegerBytes } from './integer.js'
import { MAX_RANGE_BYTES } from './limits.js'
import type { KvAnswer, KvCommand, KvPair, KvQuery, KvResult } from './operations.js'
import { OrderedMap } from './ordered-map.js'
import { snapshotChunks, readChunk } from './snapshot-codec.js'

const NO_VALUE = new Uint8Array(0)

/**
 * A store of keys and values, ordered by key. No operation throws.
 *
 * @example
 * const replica = await Replica.open({ id: 1, cluster, dataDir, machine: new KvMachine() })
 * await replica.execute({ type: 'put', key: 'hello', value: Buffer.from('world') })
 */
export class KvMachine implements Machine<KvCommand, KvResult, KvQuery, KvAnswer> {
  readonly codecs = kvCodecs
  /** Each answer is made for who asked. */
  readonly immutableAnswers = true
  /**
   * Values as text of one byte a character: that takes a third of the memory of as many small
   * arrays, and keeps nothing alive of the messages and the log that they came with.
   */
  readonly #values = new OrderedMap<string>()

  /** How many keys there are. */
  get size(): number {
    return this.#values.size
  }

  apply(command: KvCommand): KvResult {
    switch (command.type) {
      case 'put':
        return { type: 'put', existed: this.#values.set(command.key, toText(command.value)) }
      case 'delete':
        return { type: 'delete', existed: this.#values.delete(command.key) }
      case 'cas': {
        const { expected, key, value } = command
        const actual = this.#get(key)
        const swapped = sameBytes(actual, expected)
        if (swapped) this.#values.set(key, toText(value))
        return { type: 'cas', swapped, actual }
      }
      case 'increment':
        return this.#increment(command.key, command.by)
    }
  }

  frees({ type }: KvCommand): boolean {
    return type === 'delete'
  }

  query(query: KvQuery): KvAnswer {
    switch (query.type) {
      case 'get':
        return { type: 'get', value: this.#get(query.key) }
      case 'range':
        return this.#range(query)
    }
  }

  snapshot(): Iterable<Uint8Array> {
    return snapshotChunks(this.#values.snapshot())
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#values.clear()
    let last = ''
    for await (const chunk of chunks) {
      for (const [key, value] of readChunk(chunk)) {
        if (key <= last) throw malformed('keys out of order')
        this.#values.append(key, value)
        last = key
      }
    }
  }

  #get(key: string): Uint8Array | null {
    const value = this.#values.get(key)
    return value === undefined ? null : fromText(value)
  }

  /** A key that is not there counts as 0. */
  #increment(key: string, by: bigint): KvResult {
    const value = this.#get(key)
    const before = value === null ? 0n : parseIntegerBytes(value)
    if (before === null) return { type: 'increment', done: false, reason: 'not-an-integer' }
    const sum = before + by
    if (!isInRange(sum)) return { type: 'increment', done: false, reason: 'out-of-range' }
    this.#values.set(key, sum.toString())
    return { type: 'increment', done: true, value: sum }
  }

  #range({ after, keysOnly, limit, prefix }: Extract<KvQuery, { type: 'range' }>): KvAnswer {
    const pairs: KvPair[] = []
    let sizeBytes = 0
    // With a zero character at its end, a key is the least of the keys after it.
    for (const [key, value] of this.#values.from(after < prefix ? prefix : `${after}\0`)) {
      if (!key.startsWith(prefix)) break
      const pair = { key, value: keysOnly ? NO_VALUE : fromText(value) }
      sizeBytes += pairSizeBytes(pair)
      // The first pair always fits, or a client that asks for the pairs after the last one would
      // never get on.
      const full = pairs.length === limit || (pairs.length > 0 && sizeBytes > MAX_RANGE_BYTES)
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

function toText(value: Uint8Array): string {
  return asBuffer(value).toString('latin1')
}

function fromText(value: string): Uint8Array {
  return Buffer.from(value, 'latin1')
}
