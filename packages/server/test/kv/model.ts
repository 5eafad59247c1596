import type { KvAnswer, KvCommand, KvQuery, KvResult } from '../../src/kv/operations.js'

const BOUND = 10n ** 100n

/**
 * The store, written to be obviously right: nothing is kept in order, and everything is looked
 * through.
 */
export class KvModel {
  readonly #values = new Map<string, Buffer>()

  apply(command: KvCommand): KvResult {
    const { key } = command
    const before = this.#values.get(key) ?? null
    switch (command.type) {
      case 'put':
        this.#values.set(key, Buffer.from(command.value))
        return { type: 'put', existed: before !== null }
      case 'delete':
        this.#values.delete(key)
        return { type: 'delete', existed: before !== null }
      case 'cas': {
        const swapped = before?.toString('hex') === hexOf(command.expected)
        if (swapped) this.#values.set(key, Buffer.from(command.value))
        return { type: 'cas', swapped, actual: before }
      }
      case 'increment': {
        const text = before?.toString('latin1') ?? '0'
        if (!/^-?\d+$/.test(text)) return { type: 'increment', done: false, reason: 'not-an-integer' }
        const value = BigInt(text) + command.by
        if (value >= BOUND || value <= -BOUND)
          return { type: 'increment', done: false, reason: 'out-of-range' }
        this.#values.set(key, Buffer.from(value.toString()))
        return { type: 'increment', done: true, value }
      }
    }
  }

  query(query: KvQuery): KvAnswer {
    if (query.type === 'get') return { type: 'get', value: this.#values.get(query.key) ?? null }
    const { after, keysOnly, limit, prefix } = query
    const found = [...this.#values.keys()].filter((key) => key.startsWith(prefix) && key > after).sort()
    const pairs = found.slice(0, limit).map((key) => ({
      key,
      value: keysOnly ? Buffer.alloc(0) : (this.#values.get(key) ?? Buffer.alloc(0)),
    }))
    return { type: 'range', pairs, more: found.length > limit }
  }
}

function hexOf(bytes: Uint8Array | null): string | undefined {
  return bytes === null ? undefined : Buffer.from(bytes).toString('hex')
}
