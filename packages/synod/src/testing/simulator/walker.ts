import { SynodError } from '../../errors.js'
import type { Chance } from '../chance.js'
import type { StepClock } from './hardware/clock.js'
import type { Range } from './faults/plan.js'
import type { ClientOperation, Output, Workload } from './workload.js'
import type { Tagged } from './checks/watched-machine.js'

/** Through what a walker reaches the cluster: a client, or the replica in its own process. */
export interface Access<C, Q> {
  execute(command: Tagged<C>, options: { readonly timeout_ms: number }): Promise<Uint8Array>
  read(query: Q, options: { readonly timeout_ms: number }): Promise<Uint8Array>
}

export interface WalkerParts<C, R, Q, A> {
  readonly name: string
  readonly clock: StepClock
  readonly chance: Chance
  readonly workload: Workload<C, R, Q, A>
  readonly rest_ms: Range
  /** Undefined while there is none. */
  readonly access: () => Access<C, Q> | undefined
  readonly nextTag: () => number
  readonly nextPosition: () => number
  readonly record: (operation: ClientOperation<C, Q>) => void
  readonly onReturn: (operation: ClientOperation<C, Q>, error: SynodError | undefined) => void
}

/** How long it waits for a call beyond its timeout: the process that was to end it may be gone. */
const GRACE_MS = 50

const READS = 0.3

/** One client at its work: one operation after the other, with rests between them. */
export class Walker<C, R, Q, A> {
  readonly name: string
  readonly #parts: WalkerParts<C, R, Q, A>
  #stopped = false

  constructor(parts: WalkerParts<C, R, Q, A>) {
    this.name = parts.name
    this.#parts = parts
  }

  /** The operation under way is the last one. */
  stop(): void {
    this.#stopped = true
  }

  /** Walks until it is stopped. */
  async walk(): Promise<void> {
    const { access, chance, rest_ms } = this.#parts
    while (!this.#stopped) {
      const way = access()
      if (way !== undefined) await this.#operate(way, chance.happens(READS), chance.between(20, 3000))
      await this.#rest(chance.between(...rest_ms))
    }
  }

  /** One command, and one query, each of which must be answered. Resolves to the error of what was not. */
  async finish(timeout_ms: number): Promise<SynodError | undefined> {
    const { access, clock } = this.#parts
    const end_ms = clock.now() + timeout_ms
    for (const reads of [false, true]) {
      let way = access()
      while (way === undefined && clock.now() < end_ms) {
        await this.#rest(10)
        way = access()
      }
      if (way === undefined) return new SynodError('unreachable', 'no connection')
      const error = await this.#operate(way, reads, end_ms - clock.now())
      if (error !== undefined) return error
    }
    return undefined
  }

  /** Resolves to the error, unless there was an answer. */
  async #operate(way: Access<C, Q>, reads: boolean, timeout_ms: number): Promise<SynodError | undefined> {
    const { chance, name, nextPosition, nextTag, onReturn, record, workload } = this.#parts
    const query = reads ? workload.query?.(chance) : undefined
    const request =
      query === undefined
        ? ({ type: 'command', tag: nextTag(), command: workload.command(chance) } as const)
        : ({ type: 'query', query } as const)
    const operation: ClientOperation<C, Q> = {
      client: name,
      request,
      invoked: nextPosition(),
      returned: undefined,
    }
    record(operation)
    let error: SynodError | undefined
    try {
      const call =
        request.type === 'command'
          ? way.execute({ tag: request.tag, command: request.command }, { timeout_ms })
          : way.read(request.query, { timeout_ms })
      operation.returned = { output: await this.#answerOf(call, timeout_ms), position: nextPosition() }
    } catch (caught) {
      if (!(caught instanceof SynodError)) throw caught
      error = caught
    }
    onReturn(operation, error)
    return error
  }

  /** What a state machine threw is an answer too. */
  async #answerOf(call: Promise<Uint8Array>, timeout_ms: number): Promise<Output> {
    const { clock } = this.#parts
    let cancel: () => void = () => undefined
    const gone = new Promise<never>((_, reject) => {
      cancel = clock.timer(timeout_ms + GRACE_MS, () => {
        reject(new SynodError('outcome-unknown', 'the process is gone'))
      })
    })
    try {
      return await Promise.race([call, gone])
    } catch (error) {
      if (error instanceof SynodError && error.code === 'command-failed') return error.message
      throw error
    } finally {
      cancel()
    }
  }

  #rest(duration_ms: number): Promise<void> {
    return new Promise((done) => this.#parts.clock.timer(duration_ms, done))
  }
}
