import { type CallOptions, EXECUTE_RULES, type ExecuteOptions, checkCall } from 'synod/internal/call.js'
import { type ErrorCode, PendingRequest, SynodError } from 'synod/internal/errors.js'
import {
  answerQuery,
  applyCommand,
  checkMachine,
  codecsOf,
  decodeAnswered,
  decodeWith,
  encodeGiven,
  failedOutcome,
  followEncoded,
} from 'synod/internal/machine/contract.js'
import type { MachineCheck } from 'synod/internal/machine/machine-check.js'
import type {
  AnswerOf,
  AnyMachine,
  CodecsOf,
  CommandOf,
  QueryOf,
  ResultOf,
} from 'synod/internal/machine/machine.js'
import { type Outcome, outcomeError } from 'synod/internal/machine/outcome.js'
import type { Replicated } from 'synod/internal/machine/replicated.js'
import { type StaleAnswer, type StaleReadOptions, checkStaleRead } from 'synod/internal/machine/stale-read.js'
import type { Slot } from 'synod/internal/paxos/ballot.js'

/**
 * How a command fails. `refused`: it is not executed, and the error says so. `lost` and `executed`:
 * its caller cannot know whether it was executed.
 */
export type FailureKind = 'refused' | 'lost' | 'executed'

interface Failure {
  readonly code: ErrorCode
  readonly kind: FailureKind
}

/** A command in doubt. */
interface InDoubt {
  readonly encoded: Uint8Array
  readonly outcome: Outcome | undefined
}

/**
 * One state machine in memory that stands for a cluster in unit tests: no network, no disk, no
 * timers. Values go through the codecs, as in a cluster. Log time is what the test says.
 *
 * @example
 * const state = new InMemory(new Counter())
 * state.failNext('no-quorum', 'executed')
 * const { request } = (await state.execute(1).catch((error: unknown) => error)) as SynodError
 * const total = await state.execute(1, { resume: request })
 */
export class InMemory<M extends AnyMachine> implements Replicated<M> {
  readonly #machine: M
  readonly #codecs: CodecsOf<M>
  readonly #failures: Failure[] = []
  readonly #inDoubt = new WeakMap<PendingRequest, InDoubt>()
  #slot: Slot = 0
  #timeMs = 0

  /** Throws `invalid-options` for what is no state machine. */
  constructor(machine: M & MachineCheck<M>) {
    checkMachine(machine)
    this.#machine = machine
    this.#codecs = codecsOf<M>(machine)
  }

  /** Log time, in milliseconds: 0 at first. */
  get timeMs(): number {
    return this.#timeMs
  }

  /** Log time goes on. Throws `RangeError` for what is no whole number from 0 on. */
  advance(durationMs: number): void {
    if (!Number.isSafeInteger(durationMs) || durationMs < 0)
      throw new RangeError(`durationMs must be a whole number from 0 on, not ${durationMs}`)
    this.#timeMs += durationMs
  }

  /** The next `execute` that does not resume a request fails with this code. */
  failNext(code: ErrorCode, kind: FailureKind): void {
    this.#failures.push({ code, kind })
  }

  async execute<const Command extends CommandOf<M>>(
    command: Command,
    options: ExecuteOptions = {},
  ): Promise<ResultOf<M, Command>> {
    checkCall('execute', options, EXECUTE_RULES)
    const encoded = encodeGiven('command', this.#codecs.command, command)
    await this.#turn(options)
    const { resume } = options
    const outcome = resume === undefined ? this.#execute(encoded) : this.#resume(resume, encoded)
    if (outcome.status !== 'done') throw outcomeError(outcome)
    return decodeAnswered('result', this.#codecs.result, outcome.result)
  }

  async read<const Query extends QueryOf<M>>(
    query: Query,
    options: CallOptions = {},
  ): Promise<AnswerOf<M, Query>> {
    checkCall('read', options)
    const encoded = encodeGiven('query', this.#codecs.query, query)
    await this.#turn(options)
    return this.#answer(encoded)
  }

  /** Rejects with `too-stale` for a slot that no command was executed in yet. */
  async readStale<const Query extends QueryOf<M>>(
    query: Query,
    options: StaleReadOptions = {},
  ): Promise<StaleAnswer<AnswerOf<M, Query>>> {
    const atLeast = checkStaleRead(options)
    const encoded = encodeGiven('query', this.#codecs.query, query)
    await this.#turn(options)
    if (atLeast > this.#slot) throw new SynodError('too-stale', `slot ${atLeast} is not executed`)
    return { answer: this.#answer(encoded), slot: this.#slot }
  }

  /**
   * Answers after the command by which there is something to answer, and never for want of it.
   * Rejects with `too-stale` as `readStale` does.
   */
  async follow<const Query extends QueryOf<M>>(
    query: Query,
    options: StaleReadOptions = {},
  ): Promise<StaleAnswer<AnswerOf<M, Query>>> {
    const atLeast = checkStaleRead(options, 'follow')
    const encoded = encodeGiven('query', this.#codecs.query, query)
    await this.#turn(options)
    if (atLeast > this.#slot) throw new SynodError('too-stale', `slot ${atLeast} is not executed`)
    const aborted = abortion(options.signal)
    let onReady: () => void = () => undefined
    const following = followEncoded(this.#machine, this.#codecs, encoded, () => {
      onReady()
    })
    try {
      for (;;) {
        const ready = new Promise<void>((resolve) => (onReady = resolve))
        const taken = following.take()
        if (taken === undefined) await Promise.race([ready, aborted])
        else if (taken !== 'later')
          return { answer: decodeAnswered('answer', this.#codecs.answer, taken.answer), slot: this.#slot }
        await this.#turn(options)
      }
    } finally {
      following.end()
    }
  }

  get seen(): Slot {
    return this.#slot
  }

  /** As with a cluster, nothing is done before the caller has its promise. */
  async #turn({ signal }: CallOptions): Promise<void> {
    await Promise.resolve()
    if (signal?.aborted === true)
      throw new SynodError('aborted', 'the caller gave up', { cause: signal.reason })
  }

  #execute(encoded: Uint8Array): Outcome {
    const failure = this.#failures.shift()
    if (failure === undefined) return this.#apply(encoded)
    const { code, kind } = failure
    if (kind === 'refused') throw new SynodError(code, 'as the test asked for')
    const request = new PendingRequest()
    this.#inDoubt.set(request, { encoded, outcome: kind === 'executed' ? this.#apply(encoded) : undefined })
    throw new SynodError(code, 'as the test asked for', { mayHaveExecuted: true, request })
  }

  #resume(request: PendingRequest, encoded: Uint8Array): Outcome {
    const inDoubt = this.#inDoubt.get(request)
    if (inDoubt === undefined || !Buffer.from(inDoubt.encoded).equals(encoded))
      throw new SynodError(
        'invalid-options',
        'resume must be the `request` of an error here, of the same command',
      )
    const outcome = inDoubt.outcome ?? this.#apply(encoded)
    this.#inDoubt.set(request, { encoded, outcome })
    return outcome
  }

  #apply(encoded: Uint8Array): Outcome {
    const context = {
      position: { slot: ++this.#slot, index: 0 },
      timeMs: this.#timeMs,
      version: this.#machine.version ?? 1,
    }
    try {
      const command = decodeWith('command', this.#codecs.command, encoded)
      return { status: 'done', result: applyCommand(this.#machine, this.#codecs, command, context) }
    } catch (error) {
      if (error instanceof SynodError && error.code === 'invalid-machine') throw error
      return failedOutcome(error)
    }
  }

  #answer(encoded: Uint8Array): AnswerOf<M> {
    const query = decodeWith('query', this.#codecs.query, encoded)
    return decodeAnswered('answer', this.#codecs.answer, answerQuery(this.#machine, this.#codecs, query))
  }
}

/** Resolves when a signal is aborted; never without one. */
function abortion(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    signal?.addEventListener(
      'abort',
      () => {
        resolve()
      },
      { once: true },
    )
  })
}
