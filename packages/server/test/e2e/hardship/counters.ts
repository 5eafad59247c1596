import { expect } from 'vitest'
import type { KvClient } from 'synod-server'

/**
 * Counters of which each increment must count exactly once: one of each client's own, and one that
 * all share.
 */
export class Counters {
  readonly #own: bigint[]
  #shared = 0n

  constructor(clients: number) {
    this.#own = Array.from({ length: clients }, () => 0n)
  }

  /** Increments that were acknowledged. */
  get acknowledged(): bigint {
    return this.#own.reduce((sum, each) => sum + each, this.#shared)
  }

  /**
   * Has a client increment its own counter, which must have gone up by one since the last time, and
   * the shared one.
   */
  async increment(index: number, client: KvClient): Promise<void> {
    const own = await client.increment(`own-${index}`)
    const before = this.#own[index] ?? 0n
    expect(own).toMatchObject({ type: 'increment', value: before + 1n })
    this.#own[index] = before + 1n
    await client.increment('shared')
    this.#shared++
  }

  /** The store must have counted exactly what was acknowledged; nothing may be under way. */
  async check(client: KvClient): Promise<void> {
    const values = await Promise.all(this.#own.map((_, index) => client.get(`own-${index}`)))
    expect(values.map((value) => BigInt(String(value)))).toEqual(this.#own)
    expect(BigInt(String(await client.get('shared')))).toBe(this.#shared)
    for (const own of this.#own) expect(own).toBeGreaterThan(0n)
  }
}
