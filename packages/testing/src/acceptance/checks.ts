import { SynodError } from 'synod/internal/errors.js'
import {
  queryMachine,
  answerQuery,
  applyCommand,
  applyCommands,
  checkChunk,
  snapshotChunks,
  codecsOf,
  decodeWith,
  encodeWith,
  errorText,
} from 'synod/internal/machine/contract.js'
import type {
  AnswerOf,
  AnyMachine,
  ApplyContext,
  BatchedCommand,
  CodecsOf,
  CommandOf,
  QueryOf,
} from 'synod/internal/machine/machine.js'
import type { Outcome } from 'synod/internal/machine/outcome.js'
import type { Chance } from '../chance.js'
import { DeterminismGuard } from '../simulator/checks/determinism-guard.js'
import { valueText } from '../simulator/trace/words.js'
import type { Workload } from '../simulator/workload.js'
import { deepFreeze } from './deep-freeze.js'

const COMMANDS = 60
const QUERIES = 10
const MOST_IN_BATCH = 8

/** A command in its slot, encoded: each machine is given a copy of its own. */
interface Step {
  readonly encoded: Uint8Array
  readonly context: ApplyContext
}

/** What a check works with: a workload, and one source of chance. */
export class Trial<M extends AnyMachine> {
  readonly chance: Chance
  readonly #workload: Workload<M>
  readonly #codecs: CodecsOf<M>
  readonly #version: number
  #slot = 0
  #timeMs = 0

  constructor(workload: Workload<M>, chance: Chance) {
    const machine = workload.machine()
    this.#workload = workload
    this.chance = chance
    this.#codecs = codecsOf(machine)
    this.#version = machine.version ?? 1
  }

  subject(): Subject<M> {
    return new Subject(this.#workload.machine())
  }

  steps(count = COMMANDS): Step[] {
    return Array.from({ length: count }, () => {
      this.#slot += 1 + this.chance.below(3)
      this.#timeMs += this.chance.below(1000)
      const context = {
        position: { slot: this.#slot, index: 0 },
        timeMs: this.#timeMs,
        version: this.#version,
      }
      const command = this.#workload.command(this.chance)
      return { encoded: encodeWith('command', this.#codecs.command, command), context }
    })
  }

  /** Encoded; none where the workload has none. */
  queries(): Uint8Array[] {
    const workload = this.#workload
    if (workload.query === undefined) return []
    const draw = () => encodeWith('query', this.#codecs.query, workload.query?.(this.chance) as QueryOf<M>)
    return Array.from({ length: QUERIES }, draw)
  }
}

/** A state machine, with outcomes and answers as text that can be compared. */
class Subject<M extends AnyMachine> {
  readonly machine: M
  readonly #codecs: CodecsOf<M>

  constructor(machine: M) {
    this.machine = machine
    this.#codecs = codecsOf(machine)
  }

  /** Throws `invalid-machine`. */
  apply({ context, encoded }: Step): string {
    try {
      const command = this.command(encoded)
      return `result ${this.#textOf(applyCommand(this.machine, this.#codecs, command, context))}`
    } catch (error) {
      return refusalOf(error)
    }
  }

  /** Throws `invalid-machine`. */
  applyBatch(steps: readonly Step[]): string[] {
    const machine = this.machine as M & Required<Pick<AnyMachine, 'applyBatch'>>
    const batch: BatchedCommand<CommandOf<M>>[] = steps.map(({ context, encoded }) => ({
      command: this.command(encoded),
      context,
    }))
    return applyCommands(machine, this.#codecs, batch).map(({ result, status }: Outcome) =>
      status === 'done' ? `result ${this.#textOf(result)}` : `error '${Buffer.from(result).toString()}'`,
    )
  }

  /** Throws `invalid-machine`. */
  query(encoded: Uint8Array): string {
    try {
      return `answer ${this.#textOf(answerQuery(this.machine, this.#codecs, this.queryOf(encoded)))}`
    } catch (error) {
      return refusalOf(error)
    }
  }

  /** Undefined where the state machine refused the query. Throws `invalid-machine`. */
  answer(encoded: Uint8Array): { readonly value: AnswerOf<M> } | undefined {
    try {
      return { value: queryMachine(this.machine, this.queryOf(encoded)) }
    } catch (error) {
      refusalOf(error)
      return undefined
    }
  }

  shown(answer: AnswerOf<M>): string {
    return this.#textOf(encodeWith('answer', this.#codecs.answer, answer))
  }

  /** Throws `invalid-machine`. */
  *chunks(): Generator<Uint8Array, void, undefined> {
    for (const chunk of snapshotChunks(this.machine) ?? []) {
      checkChunk(chunk)
      yield Uint8Array.from(chunk)
    }
  }

  command(encoded: Uint8Array): CommandOf<M> {
    return decodeWith('command', this.#codecs.command, Uint8Array.from(encoded))
  }

  queryOf(encoded: Uint8Array): QueryOf<M> {
    return decodeWith('query', this.#codecs.query, Uint8Array.from(encoded))
  }

  /** JSON, say, can be read; other bytes are shown as such. */
  #textOf(bytes: Uint8Array): string {
    const text = Buffer.from(bytes).toString()
    return /^[\x20-\x7e]*$/.test(text) ? text : `0x${Buffer.from(bytes).toString('hex')}`
  }
}

export interface Check {
  readonly name: string
  /** Whether a state machine has what is checked. */
  applies(machine: AnyMachine): boolean
  run<M extends AnyMachine>(trial: Trial<M>): void | Promise<void>
}

/** What every state machine must keep to, as far as it has it. */
export const CHECKS: readonly Check[] = [
  {
    name: 'apply and query are done when they return',
    applies: () => true,
    run(trial) {
      const subject = trial.subject()
      for (const step of trial.steps()) subject.apply(step)
      for (const query of trial.queries()) subject.query(query)
    },
  },
  {
    name: 'two machines have the same results, answers and snapshots',
    applies: () => true,
    run: checkDeterminism,
  },
  {
    name: 'a snapshot replaces the whole state of another machine',
    applies: (machine) => machine.restore !== undefined,
    run: checkSnapshot,
  },
  {
    name: 'applyBatch gives the same results as apply',
    applies: (machine) => machine.applyBatch !== undefined,
    run: checkBatches,
  },
  {
    name: 'an answer is not changed after it was given',
    applies: ({ immutableAnswers }) => immutableAnswers === true,
    run: checkAnswers,
  },
]

function checkDeterminism<M extends AnyMachine>(trial: Trial<M>): void {
  using guard = new DeterminismGuard(trial.chance.seed())
  const [first, second] = [trial.subject(), trial.subject()]
  const asked = (subject: Subject<M>, server: number, step: Step) => {
    const outcome = guard.run(server, 'apply', () => subject.apply(step))
    guard.check(`apply(${valueText(subject.command(step.encoded))})`)
    return outcome
  }
  for (const step of trial.steps()) {
    const name = `apply(${valueText(first.command(step.encoded))})`
    same(name, asked(first, 1, step), asked(second, 2, step), 'on another machine')
  }
  for (const query of trial.queries())
    same(
      `query(${valueText(first.queryOf(query))})`,
      first.query(query),
      second.query(query),
      'on another machine',
    )
  const [one, other] = [first, second].map((subject) => Buffer.concat([...subject.chunks()]).toString('hex'))
  if (one !== other) throw new Error('two machines with the same commands have other snapshots')
}

/** The snapshot is read while the machine goes on, into one with a state of its own. */
async function checkSnapshot<M extends AnyMachine>(trial: Trial<M>): Promise<void> {
  const [source, target] = [trial.subject(), trial.subject()]
  for (const step of trial.steps(trial.chance.below(20))) target.apply(step)
  for (const step of trial.steps(trial.chance.below(COMMANDS))) source.apply(step)
  const meanwhile: (readonly [Step, string])[] = []
  const chunks: Uint8Array[] = []
  for (const chunk of source.chunks()) {
    chunks.push(chunk)
    for (const step of trial.steps(trial.chance.below(3))) meanwhile.push([step, source.apply(step)])
  }
  const restored = { isRead: false }
  const read = async function* () {
    for (const chunk of chunks) yield await Promise.resolve(chunk)
    restored.isRead = true
  }
  await target.machine.restore?.(read())
  if (!restored.isRead) throw new Error('restore was over before it had read all chunks')
  for (const step of trial.steps(20)) meanwhile.push([step, source.apply(step)])
  for (const [step, outcome] of meanwhile)
    same(`apply(${valueText(source.command(step.encoded))})`, outcome, target.apply(step), 'after a restore')
  for (const query of trial.queries())
    same(
      `query(${valueText(source.queryOf(query))})`,
      source.query(query),
      target.query(query),
      'after a restore',
    )
}

function checkBatches<M extends AnyMachine>(trial: Trial<M>): void {
  const [single, batched] = [trial.subject(), trial.subject()]
  const steps = trial.steps()
  while (steps.length > 0) {
    const batch = steps.splice(0, 1 + trial.chance.below(MOST_IN_BATCH))
    const outcomes = batched.applyBatch(batch)
    for (const [index, step] of batch.entries()) {
      const name = `apply(${valueText(single.command(step.encoded))})`
      same(
        name,
        single.apply(step),
        outcomes[index] ?? 'nothing',
        `in a batch of ${batch.length}, at ${index}`,
      )
    }
  }
  for (const query of trial.queries())
    same(
      `query(${valueText(single.queryOf(query))})`,
      single.query(query),
      batched.query(query),
      'after batches',
    )
}

/** A machine whose answers are frozen fails where it changes them; another one shows it. */
function checkAnswers<M extends AnyMachine>(trial: Trial<M>): void {
  const [asked, unasked] = [trial.subject(), trial.subject()]
  const given: { readonly query: string; readonly value: AnswerOf<M>; readonly then: string }[] = []
  for (const step of trial.steps()) {
    const name = `apply(${valueText(asked.command(step.encoded))})`
    same(name, unasked.apply(step), asked.apply(step), 'where all answers given before were frozen')
    for (const query of trial.queries().slice(0, 2)) {
      const answer = asked.answer(query)
      if (answer === undefined) continue
      const { value } = answer
      given.push({
        query: valueText(asked.queryOf(query)),
        value: deepFreeze(value),
        then: asked.shown(value),
      })
    }
  }
  for (const { query, then, value } of given)
    same(`the answer to query(${query})`, `answer ${then}`, `answer ${asked.shown(value)}`, 'later')
}

function same(what: string, expected: string, found: string, where: string): void {
  if (expected !== found) throw new Error(`${what} came to ${expected}, and ${where} to ${found}`)
}

/** What the state machine throws is an outcome; what makes it none is thrown. */
function refusalOf(error: unknown): string {
  if (error instanceof SynodError && error.code === 'invalid-machine') throw error
  return `error '${errorText(error)}'`
}
