import type { AnyMachine } from 'synod/internal/machine/machine.js'
import { type PendingRequest, SynodError } from 'synod/internal/errors.js'
import type { Chance } from '../chance.js'
import type { StepClock } from './hardware/clock.js'
import type { Slot } from 'synod/internal/paxos/ballot.js'
import type { Range } from './faults/plan.js'
import type { ClientOperation, Returned, Workload } from './workload.js'
import type { WatchedMachine } from './checks/watched-machine.js'
import type { Replicated } from 'synod/internal/machine/replicated.js'

type Request<M extends AnyMachine> = ClientOperation<M>['request']
type Answered = Omit<Returned, 'position'>

/** Through what a walker reaches the cluster: a client, or the replica in its own process. */
export type Access<M extends AnyMachine> = Replicated<WatchedMachine<M>>

export interface WalkerParts<M extends AnyMachine> {
  readonly name: string
  readonly clock: StepClock
  readonly chance: Chance
  readonly workload: Workload<M>
  readonly restMs: Range
  /** Undefined while there is none. */
  readonly access: () => Access<M> | undefined
  readonly nextTag: () => number
  readonly nextPosition: () => number
  readonly record: (operation: ClientOperation<M>) => void
  readonly onReturn: (operation: ClientOperation<M>, error: SynodError | undefined) => void
}

/** How long it waits for a call beyond its timeout: the process that was to end it may be gone. */
const GRACE_MS = 50

const READS = 0.3
const STALE_READS = 0.1
const READS_OWN_WRITES = 0.7
const RESUMES = 0.3

/** One client at its work: one operation after the other, with rests between them. */
export class Walker<M extends AnyMachine> {
  readonly name: string
  readonly #parts: WalkerParts<M>
  #stopped = false
  #seen: Slot = 0

  constructor(parts: WalkerParts<M>) {
    this.name = parts.name
    this.#parts = parts
  }

  /** The operation under way is the last one. */
  stop(): void {
    this.#stopped = true
  }

  /** Walks until it is stopped. */
  async walk(): Promise<void> {
    const { access, chance, restMs } = this.#parts
    while (!this.#stopped) {
      const way = access()
      if (way !== undefined) await this.#operate(way, this.#draw(way), chance.between(20, 3000))
      await this.#rest(chance.between(...restMs))
    }
  }

  /**
   * One command between two queries; each must be answered. Resolves to the error of one that was
   * not. The first query comes while no client writes: it must not need one. It ends as `removed`
   * once `isGone` says that its replica is gone.
   */
  async finish(timeoutMs: number, isGone: () => boolean): Promise<SynodError | undefined> {
    const { access, clock } = this.#parts
    const endMs = clock.now() + timeoutMs
    const next = [() => this.#query(), () => this.#command(), () => this.#query()]
    for (let draw = next[0]; draw !== undefined; draw = next[0]) {
      let way = access()
      while (way === undefined && clock.now() < endMs) {
        if (isGone()) return new SynodError('removed', 'the replica is gone')
        await this.#rest(10)
        way = access()
      }
      if (way === undefined) return new SynodError('unreachable', 'no connection')
      const error = await this.#operate(way, draw(), endMs - clock.now())
      if (error === undefined) next.shift()
      // What was full until now takes a moment to notice that there is space.
      else if (error.code === 'disk-full' && clock.now() < endMs) await this.#rest(100)
      else return error
    }
    return undefined
  }

  #draw(way: Access<M>): Request<M> {
    const { chance } = this.#parts
    const kind = chance.next()
    if (kind < STALE_READS) return this.#staleQuery(way)
    return kind < READS ? this.#query() : this.#command()
  }

  #command(): Request<M> {
    const { chance, nextTag, workload } = this.#parts
    return { type: 'command', tag: nextTag(), command: workload.command(chance) }
  }

  #query(): Request<M> {
    const { chance, workload } = this.#parts
    const query = workload.query?.(chance)
    return query === undefined ? this.#command() : { type: 'query', query }
  }

  /** Now and then of a state that need not hold what this client has seen or done itself. */
  #staleQuery(way: Access<M>): Request<M> {
    const { chance, workload } = this.#parts
    const query = workload.query?.(chance)
    if (query === undefined) return this.#command()
    this.#seen = Math.max(this.#seen, way.seen)
    return { type: 'stale-query', query, atLeast: chance.happens(READS_OWN_WRITES) ? this.#seen : 0 }
  }

  /** Resolves to the error, unless there was an answer. */
  async #operate(way: Access<M>, request: Request<M>, timeoutMs: number): Promise<SynodError | undefined> {
    const { name, nextPosition, onReturn, record } = this.#parts
    const operation: ClientOperation<M> = {
      client: name,
      request,
      invoked: nextPosition(),
      returned: undefined,
    }
    record(operation)
    let error: SynodError | undefined
    try {
      const answer = await this.#answerOf(this.#ask(way, request, timeoutMs), timeoutMs)
      operation.returned = { ...answer, position: nextPosition() }
      if (request.type !== 'stale-query') this.#seen = Math.max(this.#seen, way.seen)
    } catch (caught) {
      if (!(caught instanceof SynodError)) throw caught
      error = caught
      operation.isRefused = !error.mayHaveExecuted && error.code !== 'command-failed'
    }
    onReturn(operation, error)
    return error
  }

  /** What a state machine threw is an answer too. */
  async #answerOf(call: Promise<Answered>, timeoutMs: number): Promise<Answered> {
    const { clock } = this.#parts
    let cancel: () => void = () => undefined
    const gone = new Promise<never>((_, reject) => {
      cancel = clock.timer(timeoutMs + GRACE_MS, () => {
        reject(new SynodError('outcome-unknown', 'the process is gone', { mayHaveExecuted: true }))
      })
    })
    try {
      return await Promise.race([call, gone])
    } catch (error) {
      if (error instanceof SynodError && error.code === 'command-failed') return { output: error.message }
      throw error
    } finally {
      cancel()
    }
  }

  /** Now and then it takes up again what has no answer when half of the time is over. */
  async #ask(way: Access<M>, request: Request<M>, timeoutMs: number): Promise<Answered> {
    if (request.type !== 'command' || !this.#parts.chance.happens(RESUMES))
      return ask(way, request, timeoutMs)
    const halfMs = Math.ceil(timeoutMs / 2)
    try {
      return await ask(way, request, halfMs)
    } catch (error) {
      const resume = error instanceof SynodError ? error.request : undefined
      if (resume === undefined) throw error
      return ask(way, request, halfMs, resume)
    }
  }

  #rest(durationMs: number): Promise<void> {
    return new Promise((done) => this.#parts.clock.timer(durationMs, done))
  }
}

async function ask<M extends AnyMachine>(
  way: Access<M>,
  request: Request<M>,
  timeoutMs: number,
  resume?: PendingRequest,
): Promise<Answered> {
  switch (request.type) {
    case 'command': {
      const { command, tag } = request
      return { output: await way.execute({ tag, command }, { timeoutMs, resume }) }
    }
    case 'query': {
      const { answer, place } = await way.read(request.query, { timeoutMs })
      return { output: answer, place }
    }
    case 'stale-query': {
      const { atLeast, query } = request
      const { answer: its, slot } = await way.readStale(query, { atLeast, timeoutMs })
      return { output: its.answer, place: its.place, slot }
    }
  }
}
