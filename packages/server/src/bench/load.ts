import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, SynodError } from 'synod'
import type { KvMachine } from '../kv/machine.js'
import type { KvCommand, KvQuery } from '../kv/operations.js'
import { LatencyHistogram } from './latency-histogram.js'

export type LoadClient = Client<KvMachine>

/**
 * The operations, made once: the load shares its machine with the replicas, and must cost little.
 */
export interface LoadOperations {
  readonly puts: readonly KvCommand[]
  readonly gets: readonly KvQuery[]
  /** The share of gets, from 0 to 1. */
  readonly reads: number
}

/** The pause after an error: a replica that is overloaded is not asked again at once. */
const ERROR_PAUSE_MS = 10

/** Repeats puts and gets, `inFlight` at a time on every client. It measures after `measure()`. */
export class Load {
  /** In microseconds. */
  readonly latencies = new LatencyHistogram()
  readonly errors = new Map<string, number>()
  /** Operations done since the start, measured or not. */
  done = 0
  readonly #operations: LoadOperations
  #measuring = false
  #stopped = false

  constructor(operations: LoadOperations, clients: readonly LoadClient[], inFlight: number) {
    this.#operations = operations
    for (const client of clients) {
      for (let i = 0; i < inFlight; i++) void this.#loop(client)
    }
  }

  /** From now on, what is done counts. */
  measure(): void {
    this.#measuring = true
  }

  /** From now on, nothing counts and nothing more is begun. */
  stop(): void {
    this.#stopped = true
  }

  async #loop(client: LoadClient): Promise<void> {
    const { gets, puts, reads } = this.#operations
    while (!this.#stopped) {
      const index = Math.floor(Math.random() * puts.length)
      const [put, get] = [puts[index], gets[index]]
      if (put === undefined || get === undefined) return
      const measured = this.#measuring
      const startMs = performance.now()
      try {
        if (reads > 0 && Math.random() < reads) await client.read(get)
        else await client.execute(put)
      } catch (error) {
        await this.#failed(error)
        continue
      }
      this.done++
      if (measured) this.#measured((performance.now() - startMs) * 1000)
    }
  }

  /** What was under way at the end does not count: it would not all be there. */
  #measured(latencyUs: number): void {
    if (!this.#stopped) this.latencies.record(latencyUs)
  }

  async #failed(error: unknown): Promise<void> {
    if (this.#stopped) return
    const code = error instanceof SynodError ? error.code : String(error)
    if (this.#measuring) this.errors.set(code, (this.errors.get(code) ?? 0) + 1)
    await sleep(ERROR_PAUSE_MS)
  }
}
